import { readFile } from 'node:fs/promises';
import { simulatedHost } from '../test/support/host.js';
import { startStack } from '../test/support/stack.js';

/*
 * npm run bench:start [-- ROUNDS]: how long after its start a worker begins with a job that waits for it, as when KEDA starts
 * the first one; then how much memory bot and worker have needed at most for two creates at once. The host cluster is simulated.
 */

const rounds = Number(process.argv[2] ?? 10);
const host = await simulatedHost(undefined);
const stack = await startStack(host.environment);
try {
  const { slack, bot } = stack;
  const begins: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await stack.type(slack.alice, 'list');
    const { worker, beginsMs } = await startMeasured();
    begins.push(beginsMs);
    await worker.kill('SIGTERM');
  }
  const sorted = begins.toSorted((a, b) => a - b).map(Math.round);
  console.log(`job begins after ${sorted[Math.floor(rounds / 2)]} ms (${sorted[0]} to ${sorted.at(-1)})`);

  const demos = ['one', 'two'];
  for (const demo of demos) await stack.type(slack.alice, `create ${demo}`);
  const { worker } = await startMeasured();
  await Promise.all(demos.map((demo) => stack.message(new RegExp(`Demo \\*${demo}\\* of`), 300_000)));
  console.log(`two creates at once: bot at most ${await peakMb(bot.pid)} MB, worker ${await peakMb(worker.pid)} MB`);
} finally {
  await stack.close();
  await host.close();
}

async function startMeasured() {
  const start = performance.now();
  let begins: (ms: number) => void;
  const begun = new Promise<number>((resolve) => (begins = resolve));
  const worker = await stack.startWorker({}, (line) => {
    if (line.includes('"job started"')) begins(performance.now() - start);
  });
  return { worker, beginsMs: await begun };
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
async function peakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
