import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/*
 * npm run bench:cold: the time from the import of dist/lambda.js until the handler is ready, in fresh processes. Exits with
 * 1 if the median or the size exceeds its limit.
 */

const rounds = 21;
const allowedMedianMs = 400;
const allowedMb = 5;

const bundle = fileURLToPath(new URL('../dist/lambda.js', import.meta.url));
const script = `const start = performance.now(); await import(${JSON.stringify(bundle)}); console.log(performance.now() - start); process.exit()`;
const env = {
  JOB_SIGNING_KEY: 'a key that is only for this benchmark',
  SLACK_BOT_TOKEN: 'xoxb-bench',
  SLACK_SIGNING_SECRET: 'bench',
  REDIS_URL: 'redis://127.0.0.1:9',
  LOG_LEVEL: 'silent',
};
const times: number[] = [];
for (let round = 0; round < rounds; round++) {
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], { env });
  times.push(Number(stdout));
}
times.sort((a, b) => a - b);
const medianMs = times[Math.floor(rounds / 2)]!;
const megabytes = statSync(bundle).size / 1e6;
console.log(`${megabytes.toFixed(2)} MB (allowed: ${allowedMb})`);
console.log(
  `ready after ${medianMs.toFixed(0)} ms, median of ${rounds} (allowed: ${allowedMedianMs}); ${times.at(-1)!.toFixed(0)} ms at most`,
);
if (!(medianMs <= allowedMedianMs && megabytes <= allowedMb)) {
  console.log('above the limit');
  process.exitCode = 1;
}
