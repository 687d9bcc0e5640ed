import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { hours, minutes } from '../src/duration.js';
import { connectCluster, type Cluster } from '../src/k8s/client/cluster.js';
import { hostAccess } from '../src/k8s/client/host-access.js';
import { create } from '../src/k8s/client/objects.js';
import { changeRecord } from '../src/k8s/demo/demo-record.js';
import { namespaceMetadata } from '../src/k8s/demo/own-namespaces.js';
import { planDemo } from '../src/k8s/demo/demo.js';
import { readyDemo } from '../src/k8s/demo/demo-life.js';
import { watchJobs } from '../sandbox/jobs.js';
import { simulatedHost } from '../test/support/host.js';
import { startStack } from '../test/support/stack.js';

/*
 * npm run bench:scale [-- --demos 500 --workers 20 --creates 10 --quiet 120]: a simulated host cluster that has this many
 * demos, as records and namespaces, and whose API answers after 300 ms; a stand-in for Slack with Slack's limits. It counts
 * what bot and workers ask of the host cluster, of Redis and of Slack. All of it runs on the same cores, so its times are
 * those of a machine that is short of them; its counts are not.
 */

const { values } = parseArgs({
  options: {
    demos: { type: 'string', default: '500' },
    workers: { type: 'string', default: '20' },
    creates: { type: 'string', default: '10' },
    quiet: { type: 'string', default: '120' },
  },
});
const [demos, workers, creates, quietSeconds] = [values.demos, values.workers, values.creates, values.quiet].map(
  Number,
) as [number, number, number, number];

const many = 10 * (demos + creates);
const limits = { demosPerPerson: many, demos: many, waitingPerPerson: many, commandsPerMinute: many };
const host = await simulatedHost(undefined, 4, limits);
const stack = await startStack({ ...host.environment, LOG_LEVEL: 'warn' });
const { slack } = stack;
const redis = new Redis(stack.redis.url);
const jobs = await watchJobs(stack.redis.url);
const cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
try {
  for (let index = 1; index <= demos; index++) await seed(cluster, `seeded-${index}`);
  slack.limit('chat.update', { calls: 50, perMs: minutes(1) });
  slack.limit('chat.postMessage', { calls: 1, perMs: 1000, isPerChannel: true });
  await host.cluster.inject('slow');

  console.log(`${demos} demos, ${workers} workers\n`);
  console.log('| what | wall time | host cluster | Redis | Slack | of these limited |');
  console.log('|---|---|---|---|---|---|');
  const pids = await measured(`${workers} workers start`, workers, 'worker', async () => {
    const started = await Promise.all(Array.from({ length: workers }, async () => (await stack.startWorker()).pid));
    await sleep(15_000); // until the rounds of upkeep with which they start have ended
    return started;
  });
  await measured('nobody asks for anything', quietSeconds / 60, 'minute', () => sleep(quietSeconds * 1000));
  const idle = await memoryOf(pids);
  await measured('`list`', 1, 'command', () => finished('list'));
  const changed = Math.min(20, demos);
  await measured(`${changed} × \`extend\` at once`, changed, 'command', () =>
    Promise.all(Array.from({ length: changed }, (_, index) => finished(`extend seeded-${index + 1} 1h`))),
  );
  const waits = await measured(`${creates} × \`create\` at once`, creates, 'command', () =>
    Promise.all(Array.from({ length: creates }, (_, index) => finished(`create new-${index + 1}`))),
  );
  const busy = await memoryOf(pids);
  const sorted = waits.toSorted((a, b) => a - b);
  console.log(`
Creates: the median took ${inSeconds(sorted[Math.floor(creates / 2)])}, the slowest ${inSeconds(sorted.at(-1))}.
Resident memory of a worker: ${idle} while nobody asks for anything, ${busy} after the creates.`);
} finally {
  cluster.close();
  await jobs.close();
  redis.disconnect();
  await stack.close();
  await host.close();
}

/** A demo that is ready, of which only the record and the namespaces exist. */
async function seed(on: Cluster, name: string): Promise<void> {
  const owner = { id: slack.alice.userId, name: 'alice' };
  const request = { name, owner, channel: slack.channel, hostCluster: undefined, claimNamespace: 'default' };
  const now = new Date();
  const demo = readyDemo(planDemo({ ...request, now, ttlMs: hours(24) }), now);
  await changeRecord(on, demo, (current) => current);
  for (const place of demo.places)
    await create(on, { apiVersion: 'v1', kind: 'Namespace', metadata: namespaceMetadata(demo, place) });
}

/** Resolves with how many milliseconds a command takes until its job has ended. */
async function finished(command: string): Promise<number> {
  const start = performance.now();
  const person = command.startsWith('extend') ? slack.alice : slack.bob;
  const { triggerId } = await stack.type(person, command);
  await jobs.finished(triggerId).catch((error: unknown) => console.error(`${command}: ${String(error)}`));
  return performance.now() - start;
}

async function counts() {
  return {
    at: performance.now(),
    host: host.cluster.answered,
    redis: Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]),
    slack: slack.calls.length,
    limited: slack.limited,
  };
}

/** Prints how much was asked of everything while `work` ran, for each of so many units. */
async function measured<Result>(
  what: string,
  units: number,
  unit: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = await counts();
  const result = await work();
  const after = await counts();
  const tookMs = after.at - before.at;
  const per = (key: 'host' | 'redis' | 'slack') => {
    const count = after[key] - before[key];
    return `${(count / units).toFixed(1)} per ${unit} (${(count / (tookMs / 1000)).toFixed(1)}/s)`;
  };
  const limited = after.limited - before.limited;
  console.log(`| ${what} | ${inSeconds(tookMs)} | ${per('host')} | ${per('redis')} | ${per('slack')} | ${limited} |`);
  return result;
}

async function memoryOf(pids: readonly number[]): Promise<string> {
  const megabytes = await Promise.all(
    pids.map(async (pid) => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024),
  );
  const sorted = megabytes.map(Math.round).toSorted((a, b) => a - b);
  return `${sorted[0]} to ${sorted.at(-1)} MB`;
}

function inSeconds(ms = 0): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
