import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/* npm run bench:cold: from the import of dist/lambda.js to a handler that is ready, in fresh processes. */

const bundle = fileURLToPath(new URL('../dist/lambda.js', import.meta.url));
const script = `const start = performance.now(); await import(${JSON.stringify(bundle)}); console.log(performance.now() - start); process.exit()`;
const env = {
  SLACK_BOT_TOKEN: 'xoxb-bench',
  SLACK_SIGNING_SECRET: 'bench',
  REDIS_URL: 'redis://127.0.0.1:9',
  LOG_LEVEL: 'silent',
};
const times: number[] = [];
for (let round = 0; round < 21; round++) {
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], { env });
  times.push(Number(stdout));
}
times.sort((a, b) => a - b);
console.log(
  `${(statSync(bundle).size / 1e6).toFixed(2)} MB; ready after ${times[10]!.toFixed(0)} ms (median of ${times.length}), ${times.at(-1)!.toFixed(0)} ms at most`,
);
