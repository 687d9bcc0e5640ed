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
import { signaturesFor } from '../../src/job-signature.js';
import { createLog } from '../../src/log.js';
import { startWorker, type RunningWorker } from '../../src/jobs/worker/worker.js';
import { within } from '../../src/within.js';
import { workerEnvironment } from '../support/environments.js';
import { jobKeys } from '../support/job-keys.js';

/* How a worker handles invalid jobs: real BullMQ and Redis, simulated cluster. */

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
    settings = readWorkerSettings(workerEnvironment({ slack, redis, host }));
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

  const signed = (name: string, payload: object, id: string) => {
    const job = { id, name, payload, timestamp: Date.now() };
    const signatures = signaturesFor(job, jobKeys.JOB_SIGNING_KEY, [undefined]);
    return { data: { ...payload, signatures }, options: { jobId: id, timestamp: job.timestamp } };
  };

  it('a job that has killed several workers is abandoned, and the person is told', async () => {
    const queue = new Queue('verification', { connection });
    const { data, options } = signed('list', { requester: requester() }, 'list-stalled');
    // As BullMQ leaves a job that has stalled too often.
    const job = await queue.add('list', data, options);
    await connection.hset(queue.toKey(job.id!), 'defa', 'job stalled more than allowable limit');
    await queue.close();
    worker = await startWorker(settings, log);
    assert.match(await read(/`list` failed/), /worker running this job died[\s\S]*memory limit/);
  });

  it('a job that somebody else put on the queue is not run, reported or counted', async () => {
    const queue = new Queue('provisioning', { connection });
    const evil = { ...requester(), userId: 'U1> <!channel> <https://example.com|click>' };
    const forged = [
      ['create', { requester: requester(), demo: 'forged' }],
      ['create', { requester: requester(), demo: 'forged', signatures: { '-': 'A'.repeat(43) } }],
      ['create', { requester: evil, demo: 'forged', signatures: {} }],
      ['create', null],
      ['create', 'text'],
      ['invented', signed('invented', {}, 'x-9').data],
      ['create', { ...signed('create', { requester: requester(), demo: 'moved' }, 'x-1').data, demo: 'other' }],
    ] as const;
    const before = slack.timeline.entries.length;
    const ids = await Promise.all(
      forged.map(async ([name, data], index) => (await queue.add(name, data, { jobId: `x-${index}` })).id!),
    );
    await waitFor('the end of all', async () => {
      const states = await Promise.all(ids.map((id) => queue.getJobState(id)));
      return states.every((state) => state === 'failed');
    });
    assert.deepEqual(slack.timeline.entries.slice(before).map(textOf), []);
    assert.doesNotMatch(await worker!.metrics.registry.metrics(), /job_name="(create|invented|unknown)"/);
    await queue.close();
  });

  it('a job from the bot is run once, and not again when it is replayed', async () => {
    const queues = createJobQueues({ ...settings, ...jobKeys }, log);
    const id = await queues.enqueue({ name: 'list', payload: { requester: requester() } }, { dedupeId: 'once' });
    await read(/There are no demos/);
    const queue = new Queue('verification', { connection });
    await waitFor('the end of the job', async () => (await queue.getJobState(id)) === 'completed');
    const done = (await queue.getJob(id))!;
    const { requester: asked, signatures } = done.data as { requester: object; signatures: object };
    await done.remove();
    const before = slack.timeline.entries.length;
    await queue.add(
      'list',
      { requester: { ...asked, userId: slack.bob.userId }, signatures },
      { jobId: id, timestamp: done.timestamp },
    );
    await waitFor('the end of the other', async () => (await queue.getJobState(id)) === 'failed');
    assert.equal(slack.timeline.entries.length, before);
    await queue.close();
    await queues.close();
  });
});

describe('a worker', () => {
  it('a worker whose Redis hangs reports it and exits in time', async () => {
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
  it('a queue whose first connection to Redis is cut off is opened again', async () => {
    const redis = await startRedis();
    let answers = 0;
    // Forwards everything to Redis and back, but cuts the connection instead of the second reply to INFO.
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
    const queues = createJobQueues({ REDIS_URL: `redis://127.0.0.1:${port}`, ...jobKeys }, log);
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
