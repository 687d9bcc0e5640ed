import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { startRedis } from '../test/support/redis.js';
import { slackCommand, startSlack, type SlackWorkspace } from '../test/support/slack.js';
import { jobKeys } from '../test/support/job-keys.js';
import { nodeFlagsOf } from '../test/support/stack.js';

/*
 * npm run bench:ack [-- ROUNDS]: the CPU time, user and system, in which the bot answers a command, compared with a bare Bolt
 * app that only acknowledges. Both run as separate processes and get 20 commands at once, alternately, so that a busy machine
 * slows down both. The bot puts a job into a real Redis each time. Needs Linux, for /proc.
 */

const atOnce = 20;
const warmUpRounds = 20;
const countedRounds = Number(process.argv[2] ?? 400);
const allowedRatio = 1.6;

interface Contestant {
  name: string;
  url: string;
  process: ChildProcess;
  /** The duration of every counted acknowledgement, ms. */
  times: number[];
  /** CPU time when counting began, ms. */
  cpuBeforeMs: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
// Inside the project, so that the compiled files find its packages.
const compiled = await mkdtemp(join(root, '.bench-'));
const [redis, slack] = await Promise.all([startRedis(), startSlack()]);
/** Equal commands of one person within seconds are one job. */
let asked = 0;
const contestants: Contestant[] = [];
const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
const queue = new Queue('provisioning', { connection });
try {
  await compile(compiled);
  const unlimited = join(compiled, 'vcdemo.yaml');
  await writeFile(unlimited, 'limits: { commandsPerMinute: 1000000, waitingPerPerson: 1000000 }\n');
  contestants.push(
    await startContestant('bare Bolt', [
      join(compiled, 'bare-bolt.js'),
      slack.signingSecret,
      slack.botToken,
      slack.apiUrl,
    ]),
    await startContestant('vcdemo bot', [...nodeFlagsOf('start:bot'), join(root, 'dist/bot/main.js')], {
      ...jobKeys,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
      VCDEMO_CONFIG: unlimited,
      PORT: '0',
    }),
  );
  for (let round = 0; round < warmUpRounds; round++)
    for (const contestant of contestants) await acknowledgements(contestant, slack);
  for (const contestant of contestants) contestant.cpuBeforeMs = await cpuMs(contestant.process);
  for (let round = 0; round < countedRounds; round++) {
    for (const contestant of contestants) contestant.times.push(...(await acknowledgements(contestant, slack)));
    await queue.drain(); // as workers would
  }
  await report(contestants);
} finally {
  for (const { process: child } of contestants) child.kill();
  await queue.close();
  connection.disconnect();
  await Promise.all([redis.stop(), slack.close(), rm(compiled, { recursive: true, force: true })]);
}

async function compile(directory: string): Promise<void> {
  const config = join(directory, 'tsconfig.json');
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: join(root, 'bench'),
        outDir: directory,
        noEmit: false,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: [join(root, 'bench/bare-bolt.ts')],
    }),
  );
  await execa({ cwd: root, preferLocal: true })`tsc -p ${config}`;
  await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
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
  return { name, url: `http://127.0.0.1:${port}`, process: child, times: [], cpuBeforeMs: 0 };
}

function acknowledgements(
  { url, name }: Contestant,
  { signingSecret, alice, channel }: SlackWorkspace,
): Promise<number[]> {
  return Promise.all(
    Array.from({ length: atOnce }, async () => {
      const text = `create demo-${++asked}`;
      const sent = performance.now();
      const { status, body } = await slackCommand(url, signingSecret, { ...alice, channelId: channel, text });
      if (status !== 200 || !/Accepted|Creating/.test(body.text ?? ''))
        throw new Error(`${name} answered HTTP ${status}: ${JSON.stringify(body)}`);
      return performance.now() - sent;
    }),
  );
}

async function report(all: Contestant[]): Promise<void> {
  console.log(`${countedRounds} rounds of ${atOnce} commands at once, after ${warmUpRounds} to warm up`);
  const cpuPerCommand: number[] = [];
  for (const { name, times, process: child, cpuBeforeMs } of all) {
    const cpu = ((await cpuMs(child)) - cpuBeforeMs) / times.length;
    cpuPerCommand.push(cpu);
    const at = (share: number) => percentile(times, share).toFixed(1);
    console.log(
      `${name.padEnd(10)}  CPU ${cpu.toFixed(2)} ms a command; answered after ${at(0.5)} ms (median), ${at(0.99)} ms (99th percentile); resident ${(await residentMb(child)).toFixed(0)} MB`,
    );
  }
  const [bare = NaN, bot = NaN] = cpuPerCommand;
  const ratio = bot / bare;
  console.log(`ratio of the CPU time: ${ratio.toFixed(2)} (allowed: ${allowedRatio})`);
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

/** User and system time so far. @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
async function cpuMs(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  // The second field, the name in parentheses, may contain spaces.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  const ticksPerSecond = 100;
  return (((user ?? NaN) + (system ?? NaN)) * 1000) / ticksPerSecond;
}
