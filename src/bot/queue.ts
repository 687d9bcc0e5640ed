import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Queue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { hours, minutes, seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { jobs, queueNames, type JobRequest, type QueueName } from '../jobs/definitions.js';
import type { Log } from '../log.js';
import { assertNoEviction, connectRedis } from '../redis.js';

/** The producing side of the queues; the workers have the other. */
export interface JobQueues {
  /**
   * Puts a job on its queue and returns its id. The same `dedupeId` within ten minutes yields the same job.
   * @throws UserError `redis-unavailable` after two seconds at most; then nothing was put on the queue.
   */
  enqueue(request: JobRequest, options: { dedupeId: string }): Promise<string>;
  /** @throws UserError `redis-unavailable` or `redis-evicts` within a second. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Slack waits three seconds for an answer; this leaves one for everything else. */
const enqueueTimeoutMs = seconds(2);
const pingTimeoutMs = seconds(1);

const jobOptions = {
  // The flow of a job does its own retries; running it again is for a person to decide.
  attempts: 1,
  removeOnComplete: { age: hours(24) / 1000, count: 1000 },
  removeOnFail: { age: hours(24) / 1000, count: 1000 },
} satisfies JobsOptions;

/** Connects in the background; a Redis that is down is the problem of those who enqueue. */
export function createJobQueues(redisUrl: string, log: Log): JobQueues {
  const redis = connectRedis(redisUrl, log, {
    // A command that waits for Redis to come back would be carried out after its sender was told that it failed.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
  });
  const queues: Partial<Record<QueueName, Promise<Queue>>> = {};

  // A Queue whose first conversation with Redis fails stays broken, so it is made when Redis is there and made again
  // when that failed.
  const queueNamed = (name: QueueName) => {
    queues[name] ??= openQueue(name, redis).catch((error: unknown) => {
      delete queues[name];
      throw error;
    });
    return queues[name];
  };
  redis.on('ready', () => {
    for (const name of Object.values(queueNames)) queueNamed(name).catch(() => undefined);
  });

  return {
    async enqueue(request, { dedupeId }) {
      const { queue: queueName, payload } = jobs[request.name];
      const data = payload.parse(request.payload);
      const signal = AbortSignal.timeout(enqueueTimeoutMs);
      try {
        await untilReady(redis, signal);
        const queue = await until(signal, queueNamed(queueName));
        const job = await until(
          signal,
          queue.add(request.name, data, {
            ...jobOptions,
            jobId: jobIdFor(request),
            deduplication: { id: dedupeId, ttl: minutes(10) },
          }),
        );
        // Of a command that Slack delivered twice, this is the id of the job that the first delivery made.
        return job.id ?? '';
      } catch (error) {
        throw unavailable(error);
      }
    },
    async ping() {
      const signal = AbortSignal.timeout(pingTimeoutMs);
      try {
        await untilReady(redis, signal);
        await until(signal, assertNoEviction(redis));
      } catch (error) {
        throw error instanceof UserError ? error : unavailable(error);
      }
    },
    async close() {
      await Promise.allSettled(Object.values(queues).map(async (queue) => (await queue).close()));
      redis.disconnect();
    },
  };
}

async function openQueue(name: QueueName, redis: Redis): Promise<Queue> {
  const queue = new Queue(queueNames[name], { connection: redis });
  // connectRedis reports outages; without a listener the event would end the process.
  queue.on('error', () => undefined);
  await queue.waitUntilReady();
  return queue;
}

function jobIdFor({ name, payload }: JobRequest): string {
  const demo = 'demo' in payload ? [payload.demo] : [];
  return [name, ...demo, randomBytes(3).toString('hex')].join('-');
}

async function untilReady(redis: Redis, signal: AbortSignal): Promise<void> {
  if (redis.status === 'ready') return;
  let lastError: unknown;
  const remember = (error: unknown) => (lastError = error);
  // Not `once` alone: it would reject at the first error, although the next attempt may succeed.
  redis.on('error', remember);
  try {
    await new Promise<void>((resolve, reject) => {
      const ready = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        redis.off('ready', ready);
        reject(lastError ?? new Error('no connection'));
      };
      redis.once('ready', ready);
      signal.addEventListener('abort', aborted, { once: true });
    });
  } finally {
    redis.off('error', remember);
  }
}

async function until<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  try {
    return await Promise.race([
      work,
      once(signal, 'abort', { signal: stop.signal }).then(() => Promise.reject(new Error('it does not answer'))),
    ]);
  } finally {
    stop.abort();
  }
}

function unavailable(cause: unknown): UserError {
  return new UserError('redis-unavailable', `The job queue (Redis) cannot be reached: ${messageOf(cause)}.`, {
    hint: 'Nothing was started. Try again in a minute; if it stays so, ask whoever runs vcdemo to look at Redis.',
    cause,
  });
}
