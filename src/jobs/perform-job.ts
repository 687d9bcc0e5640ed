import { WaitingError, type Job, type Queue } from 'bullmq';
import { z } from 'zod';
import { hours, seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { isSigned, signedData } from '../job-signature.js';
import type { Log } from '../log.js';
import type { JobOutcome } from '../metrics.js';
import { ClaimLost } from '../k8s/claim.js';
import { ApiError, UnreachableError } from '../k8s/api-errors.js';
import { escapeMrkdwn } from '../slack-text.js';
import { jobs, queueName, type JobName, type Requester } from './definitions.js';
import { FlowError } from './flow.js';
import { handlers } from './handlers/index.js';
import { currentConfig, type Handler, type JobRun, type WorkerTools } from './job.js';
import { failureMessage } from './messages.js';
import type { PostedMessage } from './slack.js';

/** A job's data: the payload, its signature, and what the worker keeps there: where its message stands. */
export type JobData = Record<string, unknown> & { signature?: string; posted?: PostedMessage };

const postedMessage = z.object({ channel: z.string().regex(/^[CDG][A-Z0-9]+$/), ts: z.string().regex(/^\d+\.\d+$/) });

/** Jobs wait for workers, but not for days. */
const oldestJobMs = hours(24);

/** What a worker does its jobs with. */
export interface Workshop {
  tools: WorkerTools;
  /** The two stages of its end. */
  stopping: Pick<JobRun<JobName>, 'draining' | 'signal'>;
  /** Another host cluster's queue; the caller closes it. */
  openQueue(name: string): Queue;
  log: Log;
}

/**
 * Does one job as its handler says, tells the person when it fails, and hands it over when the worker stops. `lost` is
 * aborted when Redis has given the job to another.
 */
export async function performJob(
  job: Job<JobData>,
  token: string | undefined,
  lost: AbortSignal,
  workshop: Workshop,
): Promise<void> {
  const { tools, stopping } = workshop;
  const { metrics } = tools;
  const name = job.name as JobName;
  // Whatever can write to Redis may invent names: no label for each.
  const label = Object.hasOwn(jobs, name) ? name : 'unknown';
  const log = workshop.log.child({ jobId: job.id, job: name, demo: job.data.demo });
  const start = performance.now();
  log.info({ attempt: job.attemptsStarted }, 'job started');
  // Of a job that was handed over, the wait is that before its first start.
  if (job.attemptsStarted === 1)
    metrics.jobWait.observe({ job_name: label }, Math.max(0, Date.now() - job.timestamp) / seconds(1));
  let outcome: JobOutcome = 'done';
  try {
    const run = runOf(job, name, lost, workshop, log);
    await (handlers[name] as Handler<JobName>)(run).catch(async (error: unknown) => {
      if (!(await handOn(error, run, workshop))) throw error;
    });
    log.info({ tookMs: Math.round(performance.now() - start) }, 'job done');
  } catch (error) {
    if (stopping.draining.aborted) {
      outcome = 'handed_back';
      log.info('the job is handed back: this worker stops');
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (lost.aborted) {
      outcome = 'handed_back';
      log.warn('the job was lost to another run: Redis was away for too long');
      throw withoutStack(error);
    }
    outcome = isRefusal(error) ? 'refused' : 'failed';
    log[outcome === 'refused' ? 'info' : 'error']({ err: error }, `job ${outcome}`);
    if (!(error instanceof FlowError || error instanceof ClaimLost)) await tellFailure(job, tools, error, log);
    // What reaches Redis is the short text alone: no stack, no cause.
    throw withoutStack(error);
  } finally {
    metrics.jobDuration.observe({ job_name: label, outcome }, (performance.now() - start) / seconds(1));
  }
}

function runOf(
  job: Job<JobData>,
  name: JobName,
  lost: AbortSignal,
  { tools, stopping }: Workshop,
  log: Log,
): JobRun<JobName> {
  const { posted, signature, ...data } = job.data;
  // Whatever can write to Redis can put a job there: it is checked again.
  const payload = jobs[name].payload.parse(data);
  const signed = { id: job.id!, name, payload, timestamp: job.timestamp };
  const isTooOld = Date.now() - job.timestamp > oldestJobMs;
  if (isTooOld || !isSigned(tools.settings.SLACK_BOT_TOKEN, signed, signature))
    throw new UserError(
      'not-signed',
      isTooOld ? 'It was asked for more than a day ago.' : 'Its signature is not right.',
      {
        hint: 'Repeat the command. If it stays so, bot and workers have different values of SLACK_BOT_TOKEN.',
      },
    );
  return {
    ...tools,
    draining: stopping.draining,
    signal: AbortSignal.any([stopping.signal, lost]),
    id: job.id!,
    name,
    payload,
    askedAt: new Date(job.timestamp),
    resumed: job.stalledCounter > 0 || job.attemptsStarted > 1,
    posted: posted && postedMessage.parse(posted),
    rememberPosted: (message) => job.updateData({ ...job.data, posted: message }),
    config: currentConfig(tools.settings),
    log,
  };
}

/**
 * Asks the next host cluster where this one has no such demo. The job keeps its id there, so that one that is handed on
 * twice is there once.
 */
async function handOn(error: unknown, run: JobRun<JobName>, { openQueue }: Workshop): Promise<boolean> {
  if (!(error instanceof UserError && error.code === 'unknown-demo' && 'elsewhere' in run.payload)) return false;
  const { id, name, payload, config, settings, askedAt, log } = run;
  const { elsewhere = [], askedBefore = [] } = run.payload;
  const [next, ...later] = elsewhere.filter((cluster) => config.clusters.includes(cluster));
  if (next === undefined || config.hostCluster === undefined) return false;
  const queue = openQueue(queueName(jobs[name].queue, next));
  try {
    const asked = { ...payload, elsewhere: later, askedBefore: [...askedBefore, config.hostCluster] };
    const job = { id, name, payload: jobs[name].payload.parse(asked), timestamp: askedAt.getTime() };
    const keep = { age: hours(24) / seconds(1), count: 1000 };
    const options = { jobId: id, timestamp: job.timestamp, removeOnComplete: keep, removeOnFail: keep };
    await queue.add(name, signedData(settings.SLACK_BOT_TOKEN, job), options);
    log.info({ next }, 'no such demo here: another host cluster is asked');
    return true;
  } finally {
    await queue.close();
  }
}

/** Tells of a job that BullMQ gave up, since one worker after the other ended while it did it. */
export async function reportAbandoned(job: Job<JobData>, { tools, log }: Workshop): Promise<void> {
  const error = new UserError('abandoned', `Its workers ended ${job.stalledCounter} times while they did it.`, {
    hint: "Have a look at the workers' memory limit and at what they logged last; then repeat the command.",
  });
  log.error({ jobId: job.id, job: job.name, demo: job.data.demo }, 'a job was given up');
  tools.metrics.jobDuration.observe({ job_name: job.name, outcome: 'failed' }, 0);
  await tellFailure(job, tools, error, log);
}

/** What the person asked for cannot be; nothing is broken. */
const refusals = [
  'claimed-elsewhere',
  'not-allowed',
  'not-owner',
  'unknown-demo',
  'demo-not-ready',
  'demo-being-deleted',
  'dashboard-off',
];
const isRefusal = (error: unknown) => error instanceof UserError && refusals.includes(error.code);

/** Flows tell their failures themselves, with what was made. */
async function tellFailure(job: Job<JobData>, { slack }: WorkerTools, error: unknown, log: Log): Promise<void> {
  const requester = job.data.requester as Requester | undefined;
  if (!requester?.channelId || !requester.userId) return;
  const title = `\`${escapeMrkdwn(`${job.name}${job.data.demo ? ` ${String(job.data.demo)}` : ''}`)}\` failed`;
  const { reason, hint } = explain(error);
  const failure = { title, reasons: [reason], hint, jobId: job.id! };
  try {
    // A mistake is for the eyes of who made it.
    if (isRefusal(error)) await slack.whisper(requester, failureMessage({ ...failure, isRefusal: true }));
    else await slack.post(requester, failureMessage({ ...failure, mention: requester.userId }));
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
