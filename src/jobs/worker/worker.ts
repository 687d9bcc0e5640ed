import { Queue, Worker, type Telemetry } from 'bullmq';
import type { WorkerSettings } from '../../config.js';
import { minutes, seconds } from '../../duration.js';
import { messageOf, UserError } from '../../errors.js';
import { newJob, putOnQueue } from '../../job-queue.js';
import type { Log } from '../../log.js';
import { countedStates, createWorkerMetrics, type WorkerMetrics } from '../../metrics.js';
import { assertNoEviction, connectRedis } from '../../redis.js';
import { within } from '../../within.js';
import { demoStates, isExpired } from '../../k8s/demo.js';
import { IstioRenderer } from '../../k8s/istio.js';
import { jobRequest } from '../../commands/requests.js';
import { queueKinds, queueName } from '../../commands/payload.js';
import { ownDemos } from './own-demos.js';
import { performJob, reportAbandoned, type JobData, type Workshop } from './perform-job.js';
import { createSlackClient } from '../../slack/client.js';
import { createSlack } from '../slack/client.js';

/** A process that takes jobs from both queues of its host cluster. */
export interface RunningWorker {
  metrics: WorkerMetrics;
  /** Throws when Redis does not answer in that time, or may throw jobs away. */
  ping(withinMs: number): Promise<void>;
  /** Takes no more jobs, hands those at work over at the next boundary of their steps and ends, within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/**
 * Starts taking jobs; a Redis that is down is waited for, and `ping` says so.
 * @throws UserError `redis-evicts`
 */
export async function startWorker(settings: WorkerSettings, log: Log, telemetry?: Telemetry): Promise<RunningWorker> {
  const draining = new AbortController();
  const ending = new AbortController();
  // Longer than BullMQ blocks for jobs; a connection that is silent for so long is made anew.
  const connection = connectRedis(settings, log, { maxRetriesPerRequest: null, socketTimeout: seconds(20) });
  try {
    await within(seconds(5), () => assertNoEviction(connection));
  } catch (error) {
    if (error instanceof UserError) {
      connection.disconnect();
      throw error;
    }
    log.warn({ reason: messageOf(error) }, 'starting without Redis');
  }
  const metrics = createWorkerMetrics();
  const client = createSlackClient({
    token: settings.SLACK_BOT_TOKEN,
    apiUrl: settings.SLACK_API_URL,
    observe: metrics.slackCall,
  });
  const queueOptions = { connection, ...(telemetry && { telemetry }) };
  const workshop: Workshop = {
    tools: { settings, metrics, slack: createSlack(client, log), istio: new IstioRenderer() },
    stopping: { draining: draining.signal, signal: ending.signal },
    openQueue: (name) => new Queue(name, queueOptions),
    log,
  };
  const queues = queueKinds.map((kind) => new Queue(queueName(kind, settings.HOST_CLUSTER), queueOptions));
  const workers = queues.map(({ name }) => {
    const worker = new Worker<JobData>(name, (job, token, lost) => performJob(job, token, lost!, workshop), {
      ...queueOptions,
      concurrency: settings.WORKER_CONCURRENCY,
      // A killed worker's jobs go on with another after this time.
      lockDuration: seconds(15),
      stalledInterval: seconds(5),
      maxStalledCount: 5,
    });
    worker.on('error', (error) => log.error({ err: error }, 'worker'));
    // Redis was away for longer than the lock lasts: another run has the job, or will have it.
    worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((jobId) => worker.cancelJob(jobId, 'the lock was lost')));
    worker.on('failed', (job) => {
      if (job?.deferredFailure) void reportAbandoned(job, workshop);
    });
    worker.on('stalled', (jobId) => log.warn({ jobId }, 'a job was cut off and starts again'));
    return worker;
  });
  // connectRedis reports outages; without a listener the event would end the process.
  for (const queue of queues) queue.on('error', () => undefined);
  metrics.collectProcess();
  const lengthOf = async (queue: Queue) => ({ queue: queue.name, jobs: await queue.getJobCounts(...countedStates) });
  metrics.watchQueues(() => within(seconds(1), () => Promise.all(queues.map(lengthOf))));
  const lookForExpired = () =>
    enqueueExpired(settings, queues[0]!, metrics).catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'expired demos were not looked for'),
    );
  void lookForExpired();
  const sweeper = setInterval(() => void lookForExpired(), minutes(1));

  return {
    metrics,
    async ping(withinMs) {
      await within(withinMs, () => assertNoEviction(connection));
    },
    async close(withinMs) {
      clearInterval(sweeper);
      const reason = new Error('the worker stops');
      draining.abort(reason);
      // The last of the time is for handing back what did not come to a boundary.
      setTimeout(() => ending.abort(reason), withinMs * 0.8).unref();
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref());
      const closing = Promise.all(workers.map((worker) => worker.close())).then(() =>
        Promise.all(queues.map((queue) => queue.close())),
      );
      await Promise.race([closing, deadline]);
      connection.disconnect();
    },
  };
}

/** Enqueues the removal of demos whose time is over; the host cluster knows them, so none is lost with Redis. */
async function enqueueExpired(settings: WorkerSettings, provisioning: Queue, metrics: WorkerMetrics): Promise<void> {
  const demos = await ownDemos(settings);
  const expired = demos.filter(isExpired);
  const counts = demoStates.map((state) => [state, demos.filter((demo) => demo.state === state).length] as const);
  metrics.noteDemos(Object.fromEntries(counts), expired.length);
  for (const { name } of expired) {
    const job = newJob(jobRequest('expire', { demo: name }));
    await putOnQueue(provisioning, settings.SLACK_BOT_TOKEN, job, { dedupeId: `expire-${name}` });
  }
}
