import { Queue, WaitingError, Worker, type Job } from 'bullmq';
import type { WorkerSettings } from '../config.js';
import { minutes, seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { assertNoEviction, connectRedis } from '../redis.js';
import { ClaimLost } from '../k8s/claim.js';
import { IstioRenderer } from '../k8s/istio.js';
import { ApiError, UnreachableError } from '../k8s/api-errors.js';
import { jobs, queueNames, type JobName, type Requester } from './definitions.js';
import { expiredDemos } from './expired.js';
import { FlowError } from './flow.js';
import { handlers } from './handlers/index.js';
import { currentConfig, type Handler, type JobRun, type WorkerTools } from './job.js';
import { failureMessage } from './messages.js';
import { createSlack, createSlackClient, type PostedMessage } from './slack.js';

/** A process that takes jobs from both queues. */
export interface RunningWorker {
  /** Throws when Redis does not answer. */
  ping(): Promise<void>;
  /** Takes no more jobs, hands those at work over at the next boundary of their steps and ends, within `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/** The two stages of a worker's end. */
type Stopping = Pick<JobRun<JobName>, 'draining' | 'signal'>;

/** What the worker keeps in a job's data beside the payload: where its message stands. */
type JobData = Record<string, unknown> & { posted?: PostedMessage };

/** @throws UserError `redis-evicts` */
export async function startWorker(settings: WorkerSettings, log: Log): Promise<RunningWorker> {
  const draining = new AbortController();
  const ending = new AbortController();
  const stopping = { draining: draining.signal, signal: ending.signal };
  const connection = connectRedis(settings, log, { maxRetriesPerRequest: null });
  try {
    await assertNoEviction(connection);
  } catch (error) {
    connection.disconnect();
    throw error;
  }
  const slack = createSlack(
    createSlackClient({ token: settings.SLACK_BOT_TOKEN, apiUrl: settings.SLACK_API_URL }),
    log,
  );
  const tools: WorkerTools = { settings, slack, istio: new IstioRenderer() };

  const workers = Object.values(queueNames).map((queue) => {
    const worker = new Worker<JobData>(queue, (job, token) => perform(job, token, tools, log, stopping), {
      connection,
      concurrency: settings.WORKER_CONCURRENCY,
      // A killed worker's jobs go on with another after this time.
      lockDuration: seconds(15),
      stalledInterval: seconds(5),
      maxStalledCount: 5,
    });
    worker.on('error', (error) => log.error({ err: error }, 'worker'));
    worker.on('stalled', (jobId) => log.warn({ jobId }, 'a job was cut off and starts again'));
    return worker;
  });
  const provisioning = new Queue(queueNames.provisioning, { connection });
  const sweep = () =>
    enqueueExpired(settings, provisioning).catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'expired demos were not looked for'),
    );
  void sweep();
  const sweeper = setInterval(() => void sweep(), minutes(1));

  return {
    async ping() {
      await connection.ping();
    },
    async close(withinMs) {
      clearInterval(sweeper);
      const reason = new Error('the worker stops');
      draining.abort(reason);
      // The last of the time is for handing back what did not come to a boundary.
      setTimeout(() => ending.abort(reason), withinMs * 0.8).unref();
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref());
      await Promise.race([Promise.all(workers.map((worker) => worker.close())), deadline]);
      await provisioning.close();
      connection.disconnect();
    },
  };
}

/** Enqueues the removal of demos whose time is over; the host cluster knows them, so none is lost with Redis. */
async function enqueueExpired(settings: WorkerSettings, queue: Queue): Promise<void> {
  for (const { name } of await expiredDemos(settings)) {
    const deduplication = { id: `expire-${name}`, ttl: minutes(10) };
    await queue.add('expire', { demo: name }, { deduplication, removeOnComplete: true, removeOnFail: { age: 86_400 } });
  }
}

async function perform(
  job: Job<JobData>,
  token: string | undefined,
  tools: WorkerTools,
  log: Log,
  stopping: Stopping,
): Promise<void> {
  const name = job.name as JobName;
  const id = job.id!;
  const jobLog = log.child({ jobId: id, job: name, demo: job.data.demo });
  const start = performance.now();
  jobLog.info({ attempt: job.attemptsStarted }, 'job started');
  try {
    const { posted, ...data } = job.data;
    const run: JobRun<JobName> = {
      ...tools,
      id,
      // Whatever can write to Redis can put a job there: it is checked again.
      payload: jobs[name].payload.parse(data),
      askedAt: new Date(job.timestamp),
      resumed: job.stalledCounter > 0 || job.attemptsStarted > 1,
      posted,
      rememberPosted: (message) => job.updateData({ ...job.data, posted: message }),
      config: currentConfig(tools.settings),
      log: jobLog,
      ...stopping,
    };
    await (handlers[name] as Handler<JobName>)(run);
    jobLog.info({ tookMs: Math.round(performance.now() - start) }, 'job done');
  } catch (error) {
    if (stopping.draining.aborted) {
      jobLog.info('the job is handed back: this worker stops');
      await job.moveToWait(token);
      throw new WaitingError();
    }
    jobLog.error({ err: error }, 'job failed');
    if (!(error instanceof FlowError || error instanceof ClaimLost)) await tellFailure(job, tools, error, jobLog);
    // What reaches Redis is the short text alone: no stack, no cause.
    throw withoutStack(error);
  }
}

/** Flows tell their failures themselves, with what was made. */
async function tellFailure(job: Job<JobData>, { slack }: WorkerTools, error: unknown, log: Log): Promise<void> {
  const requester = job.data.requester as Requester | undefined;
  if (!requester?.channelId || !requester.userId) return;
  const title = `\`${job.name}${job.data.demo ? ` ${String(job.data.demo)}` : ''}\` failed`;
  const { reason, hint } = explain(error);
  try {
    await slack.post(
      requester,
      failureMessage({ title, reasons: [reason], hint, jobId: job.id!, mention: requester.userId }),
    );
  } catch (postError) {
    log.error({ err: postError }, 'the failure could not be told in Slack');
  }
}

function explain(error: unknown): { reason: string; hint?: string | undefined } {
  if (error instanceof UserError) return { reason: error.message, hint: error.hint };
  if (error instanceof UnreachableError)
    return {
      reason: messageOf(error),
      hint: 'Check that the cluster is up and that the worker reaches it, then try again.',
    };
  if (error instanceof ApiError && error.status === 403)
    return { reason: messageOf(error), hint: "Grant the worker's account that right, then try again." };
  return { reason: messageOf(error), hint: 'If it stays so, give the job below to those who run vcdemo.' };
}

function withoutStack(error: unknown): Error {
  const short = new Error(messageOf(error).slice(0, 500));
  short.stack = short.message;
  return short;
}
