import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { createJobQueues } from '../../src/bot/queue.js';
import { listsToScaleBy, queueName } from '../../src/commands/payload.js';
import { createLog } from '../../src/log.js';
import { jobKeys } from '../support/job-keys.js';

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
