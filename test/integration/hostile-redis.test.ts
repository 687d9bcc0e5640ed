import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createJobQueues, type JobQueues } from '../../src/bot/queue.js';
import { promoteDueJobs } from '../../src/bot/due-jobs.js';
import { queueKinds, queueName } from '../../src/commands/payload.js';
import { readWorkerSettings, type WorkerSettings } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { startWorker, type RunningWorker } from '../../src/jobs/worker/worker.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { workerEnvironment } from '../support/environments.js';
import { jobKeys } from '../support/job-keys.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Whoever can write to Redis puts there what BullMQ never writes. Real BullMQ and Redis, simulated cluster. */

const log = createLog('test', 'silent');

/** What a job's hash may hold, by what is wrong with it. */
const hostileHashes: Record<string, Record<string, string>> = {
  'no hash': {},
  'options that are no JSON': { name: 'list', data: '{}', opts: 'x', timestamp: '1' },
  'data that is no JSON': { name: 'list', data: 'x', opts: '{}', timestamp: '1' },
  'a stack trace that is no JSON': { name: 'list', data: '{}', opts: '{}', stacktrace: 'x', timestamp: '1' },
  'a parent that is no JSON': { name: 'list', data: '{}', opts: '{}', parent: 'x', timestamp: '1' },
  'a parent in another queue': {
    ...{ name: 'list', data: '{}', opts: '{}', timestamp: '1' },
    ...{ parentKey: 'bull:provisioning:x', parent: '{"id":"x","queueKey":"bull:provisioning"}' },
  },
  'a schedule of its own': {
    ...{ name: 'list', data: '{}', timestamp: '1', rjk: 'forged' },
    opts: '{"repeat":{"every":1,"pattern":"* * * * * *"},"repeatJobKey":"forged"}',
  },
  'a schedule that is none': {
    name: 'list',
    data: '{}',
    timestamp: '1',
    rjk: 'forged',
    opts: '{"repeat":{"pattern":"x"}}',
  },
  'an old schedule': { name: 'list', data: '{}', timestamp: '1', rjk: 'a:b:c:d:e', opts: '{"repeat":{"pattern":"x"}}' },
  'a trace that is no JSON': { name: 'list', data: '{}', timestamp: '1', opts: '{"tm":"x"}' },
  'a thousand attempts': { name: 'list', data: '{}', timestamp: '1', opts: '{"attempts":1000,"backoff":1}' },
  'options that are null': { name: 'list', data: '{}', opts: 'null', timestamp: '1' },
  'times that are none': {
    name: 'list',
    data: '{}',
    opts: '{}',
    timestamp: 'x',
    processedOn: 'x',
    finishedOn: 'x',
    delay: 'x',
  },
};

describe('Redis that somebody else writes to', () => {
  let redis: LocalRedis;
  let slack: SlackWorkspace;
  let host: SimulatedHost;
  let admin: Redis;
  let settings: WorkerSettings;
  let worker: RunningWorker;
  let bot: JobQueues;
  let queues: Queue[];

  before(async () => {
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost(undefined)]);
    admin = new Redis(redis.url, { maxRetriesPerRequest: null });
    settings = readWorkerSettings(workerEnvironment({ slack, redis, host }));
    queues = queueKinds.map((kind) => new Queue(queueName(kind), { connection: admin }));
    worker = await startWorker(settings, log);
    bot = createJobQueues({ ...settings, ...jobKeys }, log);
  });
  after(async () => {
    await bot.close();
    await worker.close(5_000);
    for (const queue of queues) await queue.close();
    admin.disconnect();
    await Promise.all([host.close(), slack.close(), redis.stop()]);
  });

  let count = 0;
  /** Asks for the list, and waits for the worker's answer. */
  async function asksForList(): Promise<void> {
    const before = slack.timeline.entries.length;
    const requester = { userId: slack.alice.userId, userName: 'alice', channelId: slack.channel };
    await bot.enqueue({ name: 'list', payload: { requester } }, { dedupeId: `list-${++count}` });
    await waitFor(
      'the answer',
      async () => slack.timeline.entries.slice(before).some((entry) => /There are no demos/.test(textOf(entry))),
      { withinMs: 20_000 },
    );
  }
  async function opensHome(): Promise<void> {
    slack.views.homes.clear();
    const requester = { userId: slack.alice.userId, userName: '', channelId: 'D0ALICE' };
    await bot.enqueue({ name: 'home', payload: { requester } }, { dedupeId: `home-${++count}` });
    await waitFor(
      'the Home',
      async () => /You have no demo/.test(JSON.stringify(slack.views.homes.get(slack.alice.userId))),
      { withinMs: 20_000, seen: () => JSON.stringify(slack.views.homes.get(slack.alice.userId)) },
    );
  }

  for (const [what, hash] of Object.entries(hostileHashes))
    it(`does not keep people from their answers with a job that has ${what}`, async () => {
      for (const queue of queues)
        for (const [list, add] of [
          ['wait', (id: string) => admin.lpush(queue.toKey('wait'), id)],
          ['active', (id: string) => admin.lpush(queue.toKey('active'), id)],
          ['delayed', (id: string) => admin.zadd(queue.toKey('delayed'), 0, id)],
          ['prioritized', (id: string) => admin.zadd(queue.toKey('prioritized'), 0, id)],
          ['completed', (id: string) => admin.zadd(queue.toKey('completed'), Date.now(), id)],
        ] as const) {
          const id = `evil-${list}-${++count}`;
          if (Object.keys(hash).length > 0) await admin.hset(queue.toKey(id), hash);
          else await admin.set(queue.toKey(id), 'no hash');
          await add(id);
          await admin.zadd(queue.toKey('marker'), 0, '0');
        }
      await asksForList();
      await opensHome();
      for (const queue of queues) await promoteDueJobs(queue);
      await bot.waitingOf(slack.alice.userId, 1, 'provisioning');
      assert.equal(await worker.ping(5_000), undefined);
    });
});
