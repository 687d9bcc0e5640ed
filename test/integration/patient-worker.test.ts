import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { PatientWorker } from '../../src/redis/patient-worker.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

/* With a real Redis: what BullMQ's own worker does not do. */

describe('a job that BullMQ gives to the same worker once more, because its lock has expired,', () => {
  let redis: LocalRedis;
  let connection: Redis;
  before(async () => {
    redis = await startRedis();
    connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  });
  after(async () => {
    connection.disconnect();
    await redis.stop();
  });

  it('starts when its earlier run has ended, and is completed once', async () => {
    const queue = new Queue('twice', { connection });
    const seen: string[] = [];
    let finish: (() => void) | undefined;
    let runs = 0;
    const worker = new PatientWorker<unknown>(
      queue.name,
      async (_job, _token, signal) => {
        const run = ++runs;
        seen.push(`run ${run} started`);
        await new Promise<void>((resolve, reject) => {
          finish = resolve;
          signal?.addEventListener('abort', () => reject(new Error('stopped')));
        }).finally(() => seen.push(`run ${run} ended`));
      },
      // Locks are renewed too late, so the first run does not learn that it has lost its own before the second begins.
      {
        connection,
        concurrency: 2,
        lockDuration: 1_000,
        lockRenewTime: 10_000,
        stalledInterval: 300,
        maxStalledCount: 5,
      },
    );
    worker.on('error', () => undefined);
    const completed = new Promise<string | undefined>((resolve) => worker.once('completed', ({ id }) => resolve(id)));
    await queue.add('any', {}, { jobId: 'one' });
    try {
      await waitFor('the second run', () => Promise.resolve(seen.includes('run 2 started')));
      assert.deepEqual(seen, ['run 1 started', 'run 1 ended', 'run 2 started']);
      finish?.();
      assert.equal(await completed, 'one');
      assert.equal(runs, 2);
    } finally {
      await worker.close(true);
      await queue.close();
    }
  });
});
