import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { startRedis } from '../test/support/redis.js';
import { slackCommand, startSlack, type SlackWorkspace } from '../test/support/slack.js';
import { jobKeys } from '../test/support/job-keys.js';

/*
 * How long the bot takes to acknowledge 20 commands that arrive at once, compared with a bare Bolt app that only
 * acknowledges. Both are compiled, run as separate processes and get requests alternately, so that a busy machine slows
 * down both. The bot puts a job into a real Redis each time.
 */

const atOnce = 20;
const warmUpRounds = 10;
const countedRounds = 100;
const allowedRatio = 1.5;

interface Contestant {
  name: string;
  url: string;
  process: ChildProcess;
  /** The duration of every counted acknowledgement, ms. */
  times: number[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
// Inside the project, so that the compiled files find its packages.
const compiled = await mkdtemp(join(root, '.bench-'));
const [redis, slack] = await Promise.all([startRedis(), startSlack()]);
const contestants: Contestant[] = [];
try {
  await compile(compiled);
  const unlimited = join(compiled, 'vcdemo.yaml');
  await writeFile(unlimited, 'limits: { commandsPerMinute: 1000000, waitingPerPerson: 1000000 }\n');
  contestants.push(
    await startContestant('bare Bolt', [
      join(compiled, 'bench/bare-bolt.js'),
      slack.signingSecret,
      slack.botToken,
      slack.apiUrl,
    ]),
    await startContestant('vcdemo bot', [...(await flagsOfStartBot()), join(compiled, 'src/bot/main.js')], {
      ...jobKeys,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
      VCDEMO_CONFIG: unlimited,
      PORT: '0',
    }),
  );
  for (let round = 0; round < warmUpRounds + countedRounds; round++)
    for (const contestant of contestants) {
      const times = await acknowledgements(contestant, slack);
      if (round >= warmUpRounds) contestant.times.push(...times);
    }
  await report(contestants);
} finally {
  for (const { process: child } of contestants) child.kill();
  await Promise.all([redis.stop(), slack.close(), rm(compiled, { recursive: true, force: true })]);
}

async function compile(directory: string): Promise<void> {
  const config = join(directory, 'tsconfig.json');
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: root,
        outDir: directory,
        noEmit: false,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: [join(root, 'src/bot/main.ts'), join(root, 'bench/bare-bolt.ts')],
    }),
  );
  await execa({ cwd: root, preferLocal: true })`tsc -p ${config}`;
  await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
}

/** The Node flags with which `npm run start:bot` limits the bot's memory. */
async function flagsOfStartBot(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return scripts['start:bot']?.split(' ').filter((word) => word.startsWith('--')) ?? [];
}

/** Starts a Node process and waits for the log line with its port. */
async function startContestant(name: string, script: string[], env: Record<string, string> = {}): Promise<Contestant> {
  const child = spawn(process.execPath, script, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} exited with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
  });
  return { name, url: `http://127.0.0.1:${port}`, process: child, times: [] };
}

function acknowledgements(
  { url, name }: Contestant,
  { signingSecret, alice, channel }: SlackWorkspace,
): Promise<number[]> {
  return Promise.all(
    Array.from({ length: atOnce }, async () => {
      const sent = performance.now();
      const { status, body } = await slackCommand(url, signingSecret, { ...alice, channelId: channel, text: 'create' });
      if (status !== 200 || !/Accepted|Creating/.test(body.text ?? ''))
        throw new Error(`${name} answered HTTP ${status}: ${JSON.stringify(body)}`);
      return performance.now() - sent;
    }),
  );
}

async function report(all: Contestant[]): Promise<void> {
  const rows = await Promise.all(
    all.map(async ({ name, times, process: child }) => ({
      name,
      medianMs: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      residentMb: await residentMb(child),
    })),
  );
  console.log(`${countedRounds} rounds of ${atOnce} commands at once, after ${warmUpRounds} to warm up`);
  for (const { name, medianMs, p99Ms, residentMb: megabytes } of rows)
    console.log(
      `${name.padEnd(10)}  median ${medianMs.toFixed(1)} ms, 99th percentile ${p99Ms.toFixed(1)} ms, resident ${megabytes.toFixed(0)} MB`,
    );
  const [bare, bot] = rows;
  const ratio = (bot?.p99Ms ?? NaN) / (bare?.p99Ms ?? NaN);
  console.log(`ratio of the 99th percentiles: ${ratio.toFixed(2)} (allowed: ${allowedRatio})`);
  if (!(ratio <= allowedRatio)) process.exitCode = 1;
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
}

async function residentMb(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1024;
}
