import { setMaxListeners } from 'node:events';
import { Queue, type QueueOptions, type Telemetry } from 'bullmq';
import type { WorkerSettings } from '../../config.js';
import { hours, minutes, seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { isKept, newJob, putOnQueue } from '../../job-queue.js';
import { ownSignature } from '../../job-signature.js';
import type { Log } from '../../log.js';
import { countedStates, createWorkerMetrics, type DemoCounts, type WorkerMetrics } from '../../metrics.js';
import { openRedis, type RedisLink } from '../../redis/link.js';
import { PatientWorker } from '../../redis/patient-worker.js';
import { within } from '../../within.js';
import { IstioRenderer } from '../../k8s/mesh/istio.js';
import { jobs } from '../../commands/job-payloads.js';
import { queueKinds, queueName, type QueueKind } from '../../commands/payload.js';
import { countPairs } from '../commands/pool/stock.js';
import { currentConfig } from '../job-run.js';
import { countCards } from './cards-at-work.js';
import { fillHomes } from './fill-homes.js';
import { createHomes } from './homes.js';
import { ownDemos } from './own-demos.js';
import { queuedJobs } from './queued-jobs.js';
import { countDemos, poolUpkeep, upkeepFor, type UpkeepRequest } from './upkeep.js';
import { createCausedUpkeep, takeUpkeepTurn, upkeepTurnMs } from './upkeep-turn.js';
import { performJob, reportAbandoned, type Workshop } from './perform-job.js';
import { createSlackClient } from '../../slack/client.js';
import { createNewBlocks } from '../../slack/new-blocks.js';
import { createPaces } from '../../slack/paces.js';
import { peopleAround } from '../../slack/people.js';
import { createSlack } from '../slack/slack.js';

/** A running worker, which takes jobs from the queues of its host cluster. */
export interface RunningWorker {
  metrics: WorkerMetrics;
  /** Throws if jobs cannot be taken or enqueued. @see RedisLink.prove */
  ping(withinMs: number): Promise<void>;
  /** Takes no more jobs, hands running ones back at the next boundary between steps, and ends within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/**
 * How often a job is started again after its worker died. A job that changes a demo is resumed, and gets further each time.
 * A read-only job is repeated once, because it may be what killed the worker.
 */
const mostStalls: Record<QueueKind, number> = { provisioning: 5, removal: 5, verification: 1 };

/** For a job without a signal of its own, which BullMQ always gives. */
const neverLost = new AbortController().signal;

/** How long the end of a command waits for Slack: longer than outages last, and shorter than jobs are accepted. */
const slackPatienceMs = hours(12);

/**
 * Slack may have posted a message that it answers with an error, so it is repeated rarely; but a person who hears nothing is
 * worse off than one who hears it twice.
 */
const visiblePausesMs = [0, seconds(30), minutes(2), minutes(10), hours(1)];

/**
 * Starts taking jobs. If Redis is down, it waits for it, and `ping` reports it.
 * @throws UserError if Redis rejects commands
 */
export async function startWorker(settings: WorkerSettings, log: Log, telemetry?: Telemetry): Promise<RunningWorker> {
  const draining = new AbortController();
  const ending = new AbortController();
  // Longer than BullMQ blocks for jobs; a connection that is silent for so long is replaced.
  const link = openRedis(settings, log, 'worker', { maxRetriesPerRequest: null, socketTimeout: seconds(20) });
  const { redis: connection } = link;
  await link.proveAtStart().catch((error: unknown) => {
    connection.disconnect();
    throw error;
  });
  const metrics = createWorkerMetrics();
  setMaxListeners(0, draining.signal); // every wait listens to it
  const slackOptions = {
    ...{ token: settings.SLACK_BOT_TOKEN, apiUrl: settings.SLACK_API_URL, observe: metrics.slackCall },
    paces: createPaces(),
  };
  const client = createSlackClient(slackOptions);
  const patientClient = (...signals: AbortSignal[]) =>
    createSlackClient({
      ...{ ...slackOptions, patienceMs: slackPatienceMs, visiblePausesMs },
      signal: AbortSignal.any([draining.signal, ...signals]),
    });
  const people = peopleAround(patientClient());
  const slackParts = { people, newBlocks: createNewBlocks({ log, observe: metrics.blockRefusal }), log };
  // If BullMQ's own version check fails, the Queue is useless for ever; the link has already checked the version.
  const queueOptions = { connection, skipVersionCheck: true, ...(telemetry && { telemetry }) };
  const workshop: Workshop = {
    tools: {
      cardsAtWork: countCards(connection, settings.demoConfig.clusters),
      ...{ settings, metrics, people, slack: createSlack({ client, ...slackParts }) },
      istio: new IstioRenderer(),
      delivered: new Map(),
    },
    patientSlack: (lost = neverLost) => createSlack({ client: patientClient(lost), quick: client, ...slackParts }),
    stopping: { draining: draining.signal, signal: ending.signal },
    openQueue: (name) => openQueue(name, queueOptions, link),
    log,
  };
  const openOwn = (kind: QueueKind) => openQueue(queueName(kind, settings.HOST_CLUSTER), queueOptions, link);
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
  const keepUpDemos = async (isUrgent = false) => {
    try {
      // Waits for Redis no longer than until the next turn: without it nothing could be enqueued.
      const isOurs = await within(upkeepTurnMs, () => takeUpkeepTurn(connection, settings.HOST_CLUSTER, isUrgent));
      metrics.noteDemos(isOurs ? await enqueueUpkeep(settings, queueOf) : undefined);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'upkeep of the demos failed');
    }
  };
  const caused = createCausedUpkeep({
    ...{ redis: connection, hostCluster: settings.HOST_CLUSTER },
    work: () => keepUpDemos(true),
  });
  const workers = queues.map(({ kind, queue }) => {
    const worker = new PatientWorker<unknown>(
      queue.name,
      (job, token, lost = neverLost) => performJob(job, token, lost, workshop),
      {
        ...queueOptions,
        concurrency: settings.WORKER_CONCURRENCY,
        // After this time the jobs of a killed worker continue on another.
        lockDuration: seconds(15),
        stalledInterval: seconds(5),
        maxStalledCount: mostStalls[kind],
      },
    );
    worker.on('error', link.note);
    const stopIfTaken = async (jobId: string) => {
      // Redis was unreachable for longer than the lock lasts: another run has the job, or will have it.
      if (await isKept(queue, jobId)) worker.cancelJob(jobId, 'the lock was lost');
      else log.warn({ jobId }, 'Redis has lost the job, perhaps because it was flushed; finishing it anyway');
    };
    worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((id) => void stopIfTaken(id).catch(link.note)));
    worker.on('failed', (job) => {
      if (job?.deferredFailure) reportAbandoned(job, workshop).catch(() => undefined); // it has logged the reason
    });
    worker.on('completed', ({ name }) => {
      // Its demo may have a schedule, whose next turn is put on the queue before this worker is scaled away; or the pool may need
      // another pair.
      if (causingUpkeep.includes(name)) void caused.cause().catch(link.note);
    });
    worker.on('stalled', (jobId) => log.warn({ jobId }, 'job was interrupted; starting it again'));
    return worker;
  });
  metrics.collectProcess();
  const lengthOf = async ({ queue }: { queue: Queue }) => ({
    queue: queue.name,
    jobs: await queue.getJobCounts(...countedStates),
  });
  metrics.watchQueues(() => within(seconds(1), () => Promise.all(queues.map(lengthOf))));
  void keepUpDemos(true);
  const sweeper = setInterval(() => void keepUpDemos(), minutes(1));

  return {
    metrics,
    async ping(withinMs) {
      await link.prove(withinMs);
      await within(withinMs, async () => {
        if (!(await Promise.all(workers.map((worker) => worker.isListening()))).every(Boolean))
          throw new Error('a connection that waits for jobs is down');
      });
    },
    async close(withinMs) {
      clearInterval(sweeper);
      caused.close();
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

const causingUpkeep: readonly string[] = ['verify', 'reverify', 'create', 'warm', 'pool', 'delete'];

function openQueue(name: string, options: QueueOptions, link: RedisLink): Queue {
  const queue = new Queue(name, options);
  queue.on('error', link.note);
  return queue;
}

/** Enqueues the upkeep of demos; the host cluster knows them, so nothing is lost with Redis. */
async function enqueueUpkeep(settings: WorkerSettings, queueOf: Record<QueueKind, Queue>): Promise<DemoCounts> {
  const stock = await ownDemos(settings);
  const config = currentConfig(settings);
  for (const request of [...upkeepFor(stock.demos, config), ...poolUpkeep(stock, config)]) {
    const now = Date.now();
    const job = { ...newJob(request), timestamp: Math.max(now, request.at?.getTime() ?? now) };
    const signature = ownSignature(job, settings.JOB_KEYS[0], settings.HOST_CLUSTER);
    await putOnQueue(queueOf[jobs[request.name].queue], job, signature, {
      id: request.dedupeId,
      ...(!repeated.includes(request.name) && { ttlMs: job.timestamp - now + minutes(10) }),
    });
  }
  return { ...countDemos(stock.demos), pairs: countPairs(stock.pairs), pairFailures: stock.notes.failures };
}

/** When such a job has ended, however it did, the next sweep may ask for another: what failed is tried again. */
const repeated: readonly UpkeepRequest['name'][] = ['expire', 'warm', 'drain'];
