import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { createJobQueues } from '../../src/bot/queue.js';
import { listsToScaleBy, queueName } from '../../src/commands/payload.js';
import { newJob, putOnQueue, takeBack } from '../../src/job-queue.js';
import { createLog } from '../../src/log.js';
import { aclRules } from '../../src/redis/permissions.js';
import { jobKeys } from '../support/job-keys.js';
import { waitFor } from '../support/wait-for.js';

/* That BullMQ writes to Redis what KEDA reads there. */

let redis: LocalRedis;
before(async () => void (redis = await startRedis()));
after(() => redis.stop());

for (const hostCluster of [undefined, 'us'])
  test(`KEDA sees a waiting and an active job${hostCluster ? ` of ${hostCluster}` : ''}`, async () => {
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const name = queueName('provisioning', hostCluster);
    const lengths = () => Promise.all(listsToScaleBy(name).map((list) => connection.llen(list)));
    const queues = createJobQueues({ REDIS_URL: redis.url, ...jobKeys }, createLog('test', 'silent'), {
      clusters: hostCluster ? ['eu', hostCluster] : [],
    });
    const requester = { userId: 'U000000001', userName: 'alice', channelId: 'C000000001' };
    const seen: number[][] = [await lengths()];
    await queues.enqueue({ name: 'create', payload: { requester, demo: 'a' } }, { dedupeId: 'one', hostCluster });
    seen.push(await lengths());
    const worker = new Worker(name, async () => void seen.push(await lengths()), { connection });
    await once(worker, 'completed');
    await worker.close();
    seen.push(await lengths());
    assert.deepEqual(seen, [
      [0, 0],
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
    await queues.close();
    connection.disconnect();
  });

test('a job for later waits at its time where KEDA sees it, without any worker, and one for later still does not', async () => {
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null });
  await admin.call('ACL', 'SETUSER', 'bot', 'on', '>secret', ...aclRules('bot'));
  const [waiting] = listsToScaleBy(queueName('verification'));
  const queue = new Queue(queueName('verification'), { connection: admin });
  const later = (demo: string, timestamp: number) => {
    const job = { ...newJob({ name: 'reverify', payload: { demo } }), timestamp };
    return putOnQueue(queue, job, {}, { id: demo });
  };
  const due = Date.now() + 1000;
  const first = await later('soon', due);
  assert.equal((await later('soon', due)).id, first.id, 'the same turn is one job');
  await later('tomorrow', Date.now() + 86_400_000);
  assert.equal(await admin.llen(waiting!), 0);
  const bot = createJobQueues(
    { REDIS_URL: `redis://bot:secret@127.0.0.1:${redis.port}`, ...jobKeys },
    createLog('test', 'silent'),
    { clusters: [] },
  );
  try {
    await waitFor('the job to wait', async () => (await admin.llen(waiting!)) > 0, { withinMs: 30_000 });
    const [job] = await queue.getWaiting();
    assert.deepEqual([job!.id, job!.timestamp], [first.id, due]);
    assert.equal(await queue.getDelayedCount(), 1);
    assert.deepEqual(await admin.call('ACL', 'LOG'), []);
  } finally {
    await bot.close();
    await queue.close();
    admin.disconnect();
  }
});

test('a command that waits is told how many are ahead of it, and in about how long it starts', async () => {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  await connection.flushall();
  const queues = createJobQueues({ REDIS_URL: redis.url, ...jobKeys }, createLog('test', 'silent'));
  const requester = { userId: 'U000000001', userName: 'alice', channelId: 'C000000001' };
  const enqueue = (demo: string) =>
    queues.enqueue({ name: 'create', payload: { requester, demo } }, { dedupeId: demo });
  const [, , , last = ''] = [await enqueue('a'), await enqueue('b'), await enqueue('c'), await enqueue('d')];
  assert.deepEqual(await queues.turnOf(last, 'create', undefined), { before: 3, startsInMs: undefined });
  let release = () => undefined as void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const worker = new Worker(
    queueName('provisioning'),
    async ({ data }) => {
      if ((data as { demo: string }).demo !== 'a') await held;
    },
    { connection },
  );
  const turn = await waitFor(
    'one that is done and one that runs',
    async () => {
      const found = await queues.turnOf(last, 'create', undefined);
      return typeof found === 'object' && found.before === 1 && found.startsInMs !== undefined ? found : false;
    },
    { withinMs: 10_000, everyMs: 20 },
  );
  assert.ok(turn.startsInMs! < 10_000, String(turn.startsInMs));
  release();
  await waitFor('the last one', async () => (await queues.turnOf(last, 'create', undefined)) === undefined, {
    withinMs: 10_000,
  });
  await worker.close();
  await queues.close();
  connection.disconnect();
});

test('a key in Redis that nobody puts there for long keeps no job off its queue', async () => {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  await connection.flushall();
  const queue = new Queue(queueName('removal'), { connection });
  const put = (ttlMs?: number) =>
    putOnQueue(queue, newJob({ name: 'expire', payload: { demo: 'a' } }), {}, { id: 'a', ...(ttlMs && { ttlMs }) });
  const isNew = async (ttlMs?: number) => {
    const before = await queue.getWaitingCount();
    await put(ttlMs);
    return (await queue.getWaitingCount()) > before;
  };
  const finished = await put();
  const worker = new Worker(queue.name, () => Promise.resolve(), { connection });
  await waitFor('the job to be done', async () => (await queue.getCompletedCount()) === 1);
  await worker.close();
  await connection.set('bull:removal:de:a', finished.id!);
  assert.ok(await isNew(), 'a job that is done');
  assert.ok(!(await isNew()), 'a job that waits');
  await connection.hset('bull:removal:x', 'name', 'x', 'data', '{}', 'opts', '{}');
  await connection.set('bull:removal:de:a', 'x');
  assert.ok(await isNew(), 'something that is no such job');
  await connection.set('bull:removal:de:a', 'x', 'PX', 31_536_000_000);
  assert.ok(await isNew(600_000), 'a year');
  await connection.set('bull:removal:de:a', 'x');
  assert.ok(await isNew(600_000), 'for ever');
  assert.ok(!(await isNew(600_000)), 'ten minutes');
  await queue.close();
  connection.disconnect();
});

test('a waiting job that Redis has lost is told from one that somebody took back', async () => {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  await connection.flushall();
  const queues = createJobQueues({ REDIS_URL: redis.url, ...jobKeys }, createLog('test', 'silent'));
  const queue = new Queue(queueName('provisioning'), { connection });
  const requester = { userId: 'U000000001', userName: 'alice', channelId: 'C000000001' };
  const enqueue = (demo: string) =>
    queues.enqueue({ name: 'create', payload: { requester, demo } }, { dedupeId: demo });
  const [back, lost] = [await enqueue('back'), await enqueue('lost')];
  assert.equal(await takeBack(queue, (await queue.getJob(back))!), true);
  await (await queue.getJob(lost))!.remove();
  assert.equal(await queues.turnOf(back, 'create', undefined), undefined);
  assert.equal(await queues.turnOf(lost, 'create', undefined), 'lost');
  await queue.close();
  await queues.close();
  connection.disconnect();
});
