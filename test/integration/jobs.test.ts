import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { freePort } from '../support/free-port.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { startStack, textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';
import { createJobQueues } from '../../src/bot/queue.js';
import { readWorkerSettings, type WorkerSettings } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { startWorker, type RunningWorker } from '../../src/jobs/worker/worker.js';
import { within } from '../../src/within.js';

/* What a worker makes of jobs that are not as they should be: real BullMQ and Redis, the simulated cluster. */

const log = createLog('test', 'silent');
const retries = { maxRetriesPerRequest: null };

describe('a job', () => {
  let redis: LocalRedis;
  let slack: SlackWorkspace;
  let host: SimulatedHost;
  let connection: Redis;
  let settings: WorkerSettings;
  let worker: RunningWorker | undefined;

  before(async () => {
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost(undefined)]);
    connection = new Redis(redis.url, retries);
    settings = readWorkerSettings({
      ...host.environment,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
    });
  });
  after(async () => {
    await worker?.close(5_000);
    connection.disconnect();
    await Promise.all([host.close(), slack.close(), redis.stop()]);
  });

  const requester = () => ({ userId: slack.alice.userId, userName: 'alice', channelId: slack.channel });
  const read = (pattern: RegExp) =>
    waitFor(
      `a message like ${pattern}`,
      async () => slack.timeline.entries.map(textOf).find((text) => pattern.test(text)),
      { seen: () => slack.timeline.entries.map(textOf).at(-1) },
    );

  it('that has cost several workers their lives is given up, and the person hears of it', async () => {
    const queue = new Queue('verification', { connection });
    // As BullMQ leaves it when it has stalled too often.
    const job = await queue.add('list', { requester: requester() }, { jobId: 'list-stalled' });
    await connection.hset(queue.toKey(job.id!), 'defa', 'job stalled more than allowable limit');
    await queue.close();
    worker = await startWorker(settings, log);
    assert.match(await read(/`list` failed/), /workers that did it died[\s\S]*memory limit/);
  });

  it('that somebody else put there is not done', async () => {
    const queue = new Queue('provisioning', { connection });
    await queue.add(
      'create',
      { requester: requester(), demo: 'forged', signature: 'A'.repeat(43) },
      { jobId: 'create-x' },
    );
    assert.match(await read(/`create forged` failed/), /signature of the job is wrong[\s\S]*SLACK_BOT_TOKEN/);
    await queue.close();
  });

  it('of the bot is done once, and not again when it is put there for somebody else', async () => {
    const queues = createJobQueues(settings, log);
    await queues.enqueue({ name: 'list', payload: { requester: requester() } }, { dedupeId: 'once' });
    await read(/There are no demos/);
    const queue = new Queue('verification', { connection });
    const [done] = await waitFor('the end of the job', async () => {
      const jobs = (await queue.getCompleted()).filter(({ data }) => (data as { signature?: string }).signature);
      return jobs.length > 0 && jobs;
    });
    const { requester: asked, signature } = done!.data as { requester: object; signature: string };
    await done!.remove();
    const data = { requester: { ...asked, userId: slack.bob.userId }, signature };
    await queue.add('list', data, { jobId: done!.id!, timestamp: done!.timestamp });
    assert.match(await read(/list failed: The signature/), /signature of the job is wrong/);
    await queue.close();
    await queues.close();
  });
});

describe('a worker', () => {
  it('whose Redis hangs says so and ends in its time', async () => {
    const host = await simulatedHost(undefined);
    const stack = await startStack(host.environment, { notice: host.notice });
    const port = await freePort();
    const worker = await stack.startWorker({ WORKER_STOP_SECONDS: '2', WORKER_PORT: String(port) });
    try {
      stack.redis.freeze();
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      assert.deepEqual(
        [ready.status, await ready.text()],
        [503, 'The job queue (Redis) cannot be reached: it does not answer.\n'],
      );
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      assert.doesNotMatch(metrics, /^vcdemo_queue_jobs\{/m);
      await within(10_000, () => worker.kill('SIGTERM'));
    } finally {
      await worker.kill('SIGKILL');
      await stack.close();
      await host.close();
    }
  });
});

describe('a queue', () => {
  it('whose first conversation with Redis is cut off is opened anew', async () => {
    const redis = await startRedis();
    let answers = 0;
    // Hands everything on to Redis and back, and cuts the connection instead of the second answer to INFO.
    const proxy = net
      .createServer((client) => {
        const server = net.connect(redis.port, '127.0.0.1');
        server.on('data', (chunk) => {
          if (chunk.toString().includes('redis_version') && ++answers === 2) return client.resetAndDestroy();
          client.write(chunk);
        });
        client.on('data', (chunk) => server.write(chunk));
        for (const [one, other] of [
          [client, server],
          [server, client],
        ] as const)
          one.on('error', () => undefined).on('close', () => other.destroy());
      })
      .listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const queues = createJobQueues({ REDIS_URL: `redis://127.0.0.1:${port}`, SLACK_BOT_TOKEN: 'xoxb-1' }, log);
    try {
      await waitFor('the cut', async () => answers >= 2);
      const payload = { requester: { userId: 'U1', userName: 'a', channelId: 'C1' } };
      const id = await waitFor('a job on the queue', () =>
        queues.enqueue({ name: 'list', payload }, { dedupeId: 'a' }).catch(() => undefined),
      );
      assert.match(id, /^list-/);
    } finally {
      await queues.close();
      proxy.close();
      await redis.stop();
    }
  });
});
