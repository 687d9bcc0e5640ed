import { setMaxListeners } from 'node:events';
import { Queue, type QueueOptions, type Telemetry } from 'bullmq';
import { queueKinds, queueName, type QueueKind } from '../../commands/payload.js';
import type { WorkerSettings } from '../../config.js';
import { seconds } from '../../duration.js';
import { IstioRenderer } from '../../k8s/mesh/istio.js';
import type { Log } from '../../log.js';
import { countJobs } from '../../job-queue.js';
import { createWorkerMetrics, type WorkerMetrics } from '../../metrics.js';
import { openRedis, type RedisLink } from '../../redis/link.js';
import { within } from '../../within.js';
import { countCards } from './cards-at-work.js';
import { fillHomes } from './fill-homes.js';
import { createHomes } from './homes.js';
import { keepUp } from './keep-up.js';
import { openSlack } from './open-slack.js';
import type { Workshop } from './perform-job.js';
import { queuedJobs } from './queued-jobs.js';
import { takeJobs } from './take-jobs.js';

/** A running worker, which takes jobs from the queues of its host cluster. */
export interface RunningWorker {
  metrics: WorkerMetrics;
  /** Why the worker cannot tell people anything, for operators; undefined while it can. */
  slackProblem(): string | undefined;
  /** Throws if jobs cannot be taken or enqueued. @see RedisLink.prove */
  ping(withinMs: number): Promise<void>;
  /** Takes no more jobs, hands running ones back at the next boundary between steps, and ends within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/**
 * Starts taking jobs. If Redis is down, it waits for it, and `ping` reports it.
 * @throws UserError if Redis rejects commands
 */
export async function startWorker(settings: WorkerSettings, log: Log, telemetry?: Telemetry): Promise<RunningWorker> {
  const draining = new AbortController();
  const ending = new AbortController();
  setMaxListeners(0, draining.signal); // every wait listens to it
  const link = await openProvenRedis(settings, log);
  const { redis: connection } = link;
  const metrics = createWorkerMetrics();
  const {
    slack,
    patientSlack,
    people,
    problem: slackProblem,
  } = openSlack(settings, { metrics, stopped: draining.signal, log });
  // If BullMQ's own version check fails, the Queue is useless for ever; the link has already checked the version.
  const queueOptions = { connection, skipVersionCheck: true, ...(telemetry && { telemetry }) };
  const workshop: Workshop = {
    tools: {
      cardsAtWork: countCards(connection, settings.demoConfig.clusters),
      ...{ settings, metrics, people, slack },
      istio: new IstioRenderer(),
      delivered: new Map(),
    },
    patientSlack,
    stopping: { draining: draining.signal, signal: ending.signal },
    openQueue: (name) => openQueue(name, queueOptions, link),
    log,
  };
  const openOwn = (kind: QueueKind) => workshop.openQueue(queueName(kind, settings.HOST_CLUSTER));
  const queueOf: Record<QueueKind, Queue> = {
    provisioning: openOwn('provisioning'),
    removal: openOwn('removal'),
    verification: openOwn('verification'),
  };
  const queues = queueKinds.map((kind) => ({ kind, queue: queueOf[kind] }));
  workshop.tools.queued = () => queuedJobs(queueOf.provisioning, settings);
  const homes = createHomes({
    redis: connection,
    hostCluster: settings.HOST_CLUSTER,
    fill: (viewers) => fillHomes(viewers, workshop.tools, log),
    log,
  });
  workshop.homes = homes;
  const upkeep = keepUp({ ...{ settings, metrics, log, queueOf }, redis: connection });
  const taking = { settings, workshop, link, queueOptions, ended: upkeep.jobEnded };
  const workers = queues.map((each) => takeJobs(each, taking));
  metrics.collectProcess();
  const lengths = () => Promise.all(queues.map(({ queue }) => countJobs(queue)));
  metrics.watchQueues(() => within(seconds(1), lengths));
  upkeep.start();

  return {
    metrics,
    slackProblem,
    async ping(withinMs) {
      await link.prove(withinMs);
      await within(withinMs, async () => {
        await lengths().catch((error: unknown) => {
          throw link.explain(error);
        });
        if (!(await Promise.all(workers.map((worker) => worker.isListening()))).every(Boolean))
          throw new Error('a connection that waits for jobs is down');
      });
    },
    async close(withinMs) {
      upkeep.close();
      homes.close();
      const reason = new Error('the worker is stopping');
      draining.abort(reason);
      // The rest of the time is for handing back jobs that did not reach a boundary.
      setTimeout(() => ending.abort(reason), withinMs * 0.8).unref();
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref());
      const closing = Promise.all(workers.map((worker) => worker.close())).then(() =>
        Promise.all(queues.map(({ queue }) => queue.close())),
      );
      await Promise.race([closing, deadline]);
      await Promise.all(workers.map((worker) => worker.abandon()));
      connection.disconnect();
    },
  };
}

/** @throws UserError if Redis rejects commands */
async function openProvenRedis(settings: WorkerSettings, log: Log): Promise<RedisLink> {
  // Longer than BullMQ blocks for jobs; a connection that is silent for so long is replaced.
  const link = openRedis(settings, log, 'worker', { maxRetriesPerRequest: null, socketTimeout: seconds(20) });
  await link.proveAtStart().catch((error: unknown) => {
    link.redis.disconnect();
    throw error;
  });
  return link;
}

function openQueue(name: string, options: QueueOptions, link: RedisLink): Queue {
  const queue = new Queue(name, options);
  queue.on('error', link.note);
  return queue;
}
