import { Queue, type Telemetry } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BotSettings, RedisSettings } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { jobs, type JobRequest } from '../commands/jobs.js';
import { queueKinds, queueName } from '../commands/payload.js';
import { newJob, putOnQueue } from '../job-queue.js';
import type { Log } from '../log.js';
import { countedStates, type QueueLengths } from '../metrics.js';
import { assertNoEviction, connectRedis } from '../redis.js';
import { NoAnswer, within } from '../within.js';

/** The producing side of the queues; the workers have the other. */
export interface JobQueues {
  /**
   * Puts a job on its queue, that of a host cluster where there are several, and returns its id. The same `dedupeId`
   * within ten minutes yields the same job.
   * @throws UserError `redis-unavailable` after two seconds at most. If Redis was lost while it was being told, the job
   * may exist all the same.
   */
  enqueue(request: JobRequest, options: { dedupeId: string; hostCluster?: string | undefined }): Promise<string>;
  /** @throws UserError `redis-unavailable` or `redis-evicts` within a second. */
  ping(): Promise<void>;
  /** Throws when Redis does not answer within a second. */
  lengths: QueueLengths;
  close(): Promise<void>;
}

/** How Redis is reached, and what jobs are signed with. */
export type QueueingSettings = RedisSettings & Pick<BotSettings, 'SLACK_BOT_TOKEN'>;

export interface QueueOptions {
  /** Names of the host clusters, of which each has its queues; none where there is but one. */
  clusters: readonly string[];
  telemetry?: Telemetry | undefined;
}

/** Slack waits three seconds for an answer; this leaves one for everything else. */
const enqueueTimeoutMs = seconds(2);
const pingTimeoutMs = seconds(1);
const openTimeoutMs = seconds(1);
const closeTimeoutMs = 250;

/** Connects in the background; a Redis that is down is the problem of those who enqueue. */
export function createJobQueues(
  settings: QueueingSettings,
  log: Log,
  { clusters, telemetry }: QueueOptions = { clusters: [] },
): JobQueues {
  const redis = connectRedis(settings, log, {
    // A command that waits for Redis to come back would be carried out after its sender was told that it failed.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    // A connection that went silent, as through a proxy that forgot it, is made anew.
    socketTimeout: seconds(3),
    // Commands that arrive together reach Redis in one write.
    enableAutoPipelining: true,
  });
  let connectionError: unknown;
  redis.on('error', (error: unknown) => (connectionError = error));
  redis.on('ready', () => (connectionError = undefined));
  const ready = readinessOf(redis);
  const names = (clusters.length > 0 ? clusters : [undefined]).flatMap((cluster) =>
    queueKinds.map((kind) => queueName(kind, cluster)),
  );
  const queues: Record<string, Promise<Queue>> = {};

  // A Queue whose first conversation with Redis fails stays broken, so it is made when Redis is there and made again
  // when that failed.
  const queueNamed = (name: string) => {
    queues[name] ??= openQueue(name, redis, telemetry).catch((error: unknown) => {
      delete queues[name];
      throw error;
    });
    return queues[name];
  };
  redis.on('ready', () => {
    for (const name of names) queueNamed(name).catch(() => undefined);
  });

  return {
    async enqueue(request, { dedupeId, hostCluster }) {
      const job = newJob(request);
      const add = async (isLate: () => boolean) => {
        await ready();
        const queue = await queueNamed(queueName(jobs[request.name].queue, hostCluster));
        // Its sender was told that it failed.
        if (isLate()) return undefined;
        return putOnQueue(queue, settings.SLACK_BOT_TOKEN, job, { dedupeId });
      };
      try {
        const added = await within(enqueueTimeoutMs, add);
        // Of a command that Slack delivered twice, this is the id of the job that the first delivery made.
        return added?.id ?? '';
      } catch (error) {
        throw unavailable(error, connectionError);
      }
    },
    async ping() {
      try {
        await within(pingTimeoutMs, async () => {
          await ready();
          await assertNoEviction(redis);
        });
      } catch (error) {
        throw error instanceof UserError ? error : unavailable(error, connectionError);
      }
    },
    async lengths() {
      return await within(pingTimeoutMs, async () => {
        await ready();
        return await Promise.all(
          names.map(async (queue) => ({ queue, jobs: await (await queueNamed(queue)).getJobCounts(...countedStates) })),
        );
      });
    },
    async close() {
      redis.disconnect();
      // What is still being opened may never settle.
      const closing = Object.values(queues).map(async (queue) => (await queue).close());
      await within(closeTimeoutMs, () => Promise.allSettled(closing)).catch(() => undefined);
    },
  };
}

/**
 * Queues that connect for each call and keep nothing in between: for a process that is frozen after its answer, whose
 * connection may be dead when it is thawed.
 */
export function createMomentaryQueues(settings: QueueingSettings, log: Log, options: QueueOptions): JobQueues {
  const withQueues = async <Result>(use: (queues: JobQueues) => Promise<Result>): Promise<Result> => {
    const queues = createJobQueues(settings, log, options);
    return await use(queues).finally(() => queues.close());
  };
  return {
    enqueue: (request, options) => withQueues((queues) => queues.enqueue(request, options)),
    ping: () => withQueues((queues) => queues.ping()),
    lengths: () => withQueues((queues) => queues.lengths()),
    close: () => Promise.resolve(),
  };
}

async function openQueue(name: string, redis: Redis, telemetry: Telemetry | undefined): Promise<Queue> {
  const queue = new Queue(name, { connection: redis, ...(telemetry && { telemetry }) });
  // connectRedis reports outages; without a listener the event would end the process.
  queue.on('error', () => undefined);
  // A connection that is lost in this moment leaves it waiting for ever.
  await within(openTimeoutMs, () => queue.waitUntilReady());
  return queue;
}

/** One listener for all who wait; an outage may last through many commands. */
function readinessOf(redis: Redis): () => Promise<void> {
  let next: Promise<void> | undefined;
  return async () => {
    if (redis.status === 'ready') return;
    next ??= new Promise((resolve) =>
      redis.once('ready', () => {
        next = undefined;
        resolve();
      }),
    );
    await next;
  };
}

function unavailable(error: unknown, connectionError: unknown): UserError {
  // Of a connection that is being tried again and again, the last attempt knows more.
  const cause = error instanceof NoAnswer ? (connectionError ?? error) : error;
  return new UserError('redis-unavailable', `The job queue (Redis) cannot be reached: ${messageOf(cause)}.`, {
    hint: 'Try again in a minute; if it stays so, ask whoever runs vcdemo to look at Redis.',
    cause,
  });
}
