import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, type Telemetry } from 'bullmq';
import * as z from 'zod';
import type { BotSettings, RedisSettings } from '../config.js';
import { seconds } from '../duration.js';
import { jobs, type JobName, type JobRequest } from '../commands/job-payloads.js';
import { queueKinds, queueName, type QueueKind } from '../commands/payload.js';
import { memberOf, viewersKey, type Viewer } from '../home-viewers.js';
import { countJobs, findJob, jobsIn, newJob, putOnQueue } from '../job-queue.js';
import { signaturesFor } from '../job-signature.js';
import type { Log } from '../log.js';
import type { QueueLengths } from '../metrics.js';
import { turnOf, type Turn } from '../queue-turn.js';
import { isOutage } from '../redis/answers.js';
import { openRedis, type RedisLink } from '../redis/link.js';
import { promoteDueJobs } from './due-jobs.js';
import { NoAnswer, within } from '../within.js';

/** The producing side of the queues; the workers consume. */
export interface JobQueues {
  /**
   * Puts a job on its queue (one per host cluster, if there are several) and returns its id.
   * @throws UserError `redis-unavailable` after two seconds at most, `redis-refuses` with what Redis answers. If the
   * connection was lost in the middle of the call, the job may exist all the same.
   */
  enqueue(request: JobRequest, options: EnqueueOptions): Promise<string>;
  /** The place of a job that no worker has taken yet. Throws as `enqueue` does. @see turnOf */
  turnOf(id: string, name: JobName, hostCluster: string | undefined): Promise<Turn | 'lost' | undefined>;
  /**
   * How many jobs of a person wait on the queues of a kind; if fewer than `most` wait on them in total, that total.
   * @throws as `enqueue` does
   */
  waitingOf(userId: string, most: number, kind: QueueKind): Promise<number>;
  /** Notes that somebody has opened their Home, which shows this host cluster. Throws as `enqueue` does. */
  noteViewer(viewer: Viewer, hostCluster: string | undefined): Promise<void>;
  /** Checks that jobs can be enqueued, within a second, and that the queues can be read. @see RedisLink.prove */
  ping(): Promise<void>;
  /** @see RedisLink.proveAtStart */
  proveAtStart(): Promise<void>;
  /** Throws if Redis does not answer within a second. */
  lengths: QueueLengths;
  close(): Promise<void>;
}

export interface EnqueueOptions {
  /** Slack's ID of what the person did; what Slack delivers twice is one job. */
  dedupeId: string;
  /** The same for everything that counts as one command if it is sent again within seconds. */
  repeatId?: string | undefined;
  /** How long it counts as one; ten seconds by default. */
  repeatedWithinMs?: number | undefined;
  hostCluster?: string | undefined;
}

/** How to reach Redis, and the key that signs jobs. */
type QueueingSettings = RedisSettings & Pick<BotSettings, 'JOB_SIGNING_KEY'>;

interface QueueOptions {
  /** For a single command: no other calls to Redis are made. */
  isMomentary?: boolean;
  /** Names of the host clusters, each of which has its own queues; empty if there is only one. */
  clusters: readonly string[];
  telemetry?: Telemetry | undefined;
}

/** Slack waits three seconds for an answer; this leaves one second for everything else. */
const enqueueTimeoutMs = seconds(2);
const pingTimeoutMs = seconds(1);
/** Short enough for a second attempt on a new connection. */
const silenceTimeoutMs = seconds(1.5);
const retryDelayMs = 50;
/** A second Enter or click within this time is taken for an accident. */
const accidentMs = seconds(10);
/** How many waiting jobs are searched for a person's own. */
const mostCounted = 500;
const heartbeatMs = seconds(10);
const promoteDueMs = seconds(5);
const closeTimeoutMs = 250;

/** Connects in the background; if Redis is down, `enqueue` fails. */
export function createJobQueues(
  settings: QueueingSettings,
  log: Log,
  { clusters, telemetry, isMomentary = false }: QueueOptions = { clusters: [] },
): JobQueues {
  const link = openRedis(settings, log, 'bot', {
    isMomentary,
    // A command queued until Redis is back would be carried out after its sender was told that it failed.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Commands in flight on a lost connection fail at once; if kept, they would never settle.
    maxRetriesPerRequest: 0,
    // A connection that has gone silent, for example because a proxy forgot it, is replaced.
    socketTimeout: silenceTimeoutMs,
  });
  const names = (clusters.length > 0 ? clusters : [undefined]).flatMap((cluster) =>
    queueKinds.map((kind) => queueName(kind, cluster)),
  );
  const queues = new Map(names.map((name) => [name, openQueue(name, link, telemetry)]));

  // Finds a connection that has gone silent before somebody needs it.
  const heartbeat = isMomentary
    ? undefined
    : setInterval(() => void link.prove(pingTimeoutMs).catch(() => undefined), heartbeatMs).unref();

  const scheduled = [...queues].filter(([name]) => name.startsWith(jobs.reverify.queue)).map(([, queue]) => queue);
  const promoteDue = async () => {
    if (link.redis.status === 'ready') await Promise.all(scheduled.map(promoteDueJobs));
  };
  const promoting = isMomentary
    ? undefined
    : setInterval(() => void promoteDue().catch(link.note), promoteDueMs).unref();

  /** Repeats an idempotent call through a short outage. */
  const untilDone = async <Result>(timeoutMs: number, act: () => Promise<Result>): Promise<Result> => {
    try {
      return await within(timeoutMs, async (isLate) => {
        for (;;) {
          await link.ready();
          // The caller has already been told that it failed.
          if (isLate()) throw new NoAnswer();
          try {
            return await act();
          } catch (error) {
            if (!isOutage(error)) throw error;
            await delay(retryDelayMs);
          }
        }
      });
    } catch (error) {
      throw link.explain(error);
    }
  };

  const queueOf = (name: JobName, hostCluster: string | undefined): Queue => {
    const queue = queues.get(queueName(jobs[name].queue, hostCluster));
    if (!queue) throw new Error(`there is no queue for host cluster ${hostCluster}`);
    return queue;
  };

  const lengths = () =>
    within(pingTimeoutMs, async () => {
      await link.ready();
      return await Promise.all([...queues.values()].map(countJobs));
    });

  return {
    async enqueue(request, { dedupeId, repeatId, repeatedWithinMs = accidentMs, hostCluster }) {
      const job = newJob(request, dedupeId);
      const { payload } = request;
      const searched = 'searched' in payload ? payload.searched : undefined;
      const signatures = signaturesFor(job, settings.JOB_SIGNING_KEY, searched ?? [hostCluster]);
      const queue = queueOf(request.name, hostCluster);
      const id = await untilDone(enqueueTimeoutMs, async () => {
        const once = repeatId === undefined ? undefined : { id: digest(repeatId), ttlMs: repeatedWithinMs };
        const { id: added = '' } = await putOnQueue(queue, job, signatures, once);
        if (once === undefined || added === job.id || !(await hasFailed(queue, added))) return added;
        // The person corrects what was wrong and tries again.
        const { id: again = '' } = await putOnQueue(queue, job, signatures, { ...once, id: `${once.id}-${added}` });
        return again;
      });
      link.over();
      return id;
    },
    turnOf: (id, name, hostCluster) => untilDone(pingTimeoutMs, () => turnOf(queueOf(name, hostCluster), id)),
    async waitingOf(userId, most, kind) {
      const ofKind = [...queues].filter(([name]) => name.startsWith(kind)).map(([, queue]) => queue);
      const count = async (queue: Queue) => {
        // BullMQ's own count is a script, and costs the bot several times as much with each command.
        const all = await link.redis.llen(queue.toKey('wait'));
        if (all < most) return all;
        const jobs = await jobsIn(queue, ['wait'], 0, mostCounted);
        return jobs.filter(({ data }) => requesterOf(data) === userId).length;
      };
      const counts = await untilDone(pingTimeoutMs, () => Promise.all(ofKind.map(count)));
      return counts.reduce((sum, each) => sum + each, 0);
    },
    async noteViewer(viewer, hostCluster) {
      await untilDone(pingTimeoutMs, async () => {
        for (const cluster of clusters.filter((each) => each !== hostCluster))
          await link.redis.zrem(viewersKey(cluster), memberOf(viewer));
        await link.redis.zadd(viewersKey(hostCluster), Date.now(), memberOf(viewer));
      });
    },
    async ping() {
      await link.prove(pingTimeoutMs);
      await lengths().catch((error: unknown) => {
        throw link.explain(error);
      });
    },
    proveAtStart: link.proveAtStart,
    lengths,
    async close() {
      clearInterval(heartbeat);
      clearInterval(promoting);
      link.redis.disconnect();
      const closing = [...queues.values()].map((queue) => queue.close());
      await within(closeTimeoutMs, () => Promise.allSettled(closing)).catch(() => undefined);
    },
  };
}

/**
 * Queues that connect for each call and keep nothing in between: for a process that is frozen after it has answered, and
 * whose connection may be dead when it is thawed.
 */
export function createMomentaryQueues(settings: QueueingSettings, log: Log, options: QueueOptions): JobQueues {
  const withQueues = async <Result>(use: (queues: JobQueues) => Promise<Result>): Promise<Result> => {
    const queues = createJobQueues(settings, log, { ...options, isMomentary: true });
    return await use(queues).finally(() => queues.close());
  };
  return {
    enqueue: (request, options) => withQueues((queues) => queues.enqueue(request, options)),
    turnOf: (id, name, hostCluster) => withQueues((queues) => queues.turnOf(id, name, hostCluster)),
    waitingOf: (userId, most, kind) => withQueues((queues) => queues.waitingOf(userId, most, kind)),
    noteViewer: (viewer, hostCluster) => withQueues((queues) => queues.noteViewer(viewer, hostCluster)),
    ping: () => withQueues((queues) => queues.ping()),
    proveAtStart: () => withQueues((queues) => queues.proveAtStart()),
    lengths: () => withQueues((queues) => queues.lengths()),
    close: () => Promise.resolve(),
  };
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

const hasFailed = async (queue: Queue, id: string): Promise<boolean> =>
  (await findJob(queue, id))?.failedReason !== undefined;

const asked = z.object({ requester: z.object({ userId: z.string() }) });
const requesterOf = (data: unknown): string | undefined => asked.safeParse(data).data?.requester.userId;

function openQueue(name: string, link: RedisLink, telemetry: Telemetry | undefined): Queue {
  // If BullMQ's own version check fails, the Queue is useless for ever; the link has already checked the version.
  const queue = new Queue(name, { connection: link.redis, skipVersionCheck: true, ...(telemetry && { telemetry }) });
  queue.on('error', link.note);
  return queue;
}
