import { WaitingError, type Job, type Queue } from 'bullmq';
import { z } from 'zod';
import { assertMayUse } from '../../access.js';
import { jobs, type JobName } from '../../commands/jobs.js';
import { queueName } from '../../commands/payload.js';
import { hours, seconds } from '../../duration.js';
import { messageOf, Refusal, UserError } from '../../errors.js';
import { putOnQueue } from '../../job-queue.js';
import { isSigned } from '../../job-signature.js';
import { isPassing } from '../../k8s/api-errors.js';
import { ClaimLost } from '../../k8s/claim.js';
import type { Log } from '../../log.js';
import type { JobOutcome } from '../../metrics.js';
import { handlers } from '../commands/index.js';
import { UnknownDemo } from '../find-demo.js';
import { currentConfig, type Handler, type JobRun, type WorkerTools } from '../job-run.js';
import type { PostedMessage } from '../slack/client.js';
import { watchTelling } from '../slack/told.js';
import { tellFailure } from './tell-failure.js';

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
  log.info({ attempt: job.attemptsStarted }, 'Job started');
  // Of a job that was handed over, the wait is that before its first start.
  if (job.attemptsStarted === 1)
    metrics.jobWait.observe({ job_name: label }, Math.max(0, Date.now() - job.timestamp) / seconds(1));
  const told = watchTelling(tools.slack);
  let outcome: JobOutcome = 'done';
  try {
    const run = { ...runOf(job, name, lost, workshop, log), slack: told.slack };
    // The bot has asked as well, but whatever can write to Redis could command the workers.
    if ('requester' in run.payload) assertMayUse(run.config.access, run.payload.requester);
    await (handlers[name] as Handler<JobName>)(run).catch(async (error: unknown) => {
      if (!(await handOn(error, run, workshop))) throw error;
    });
    if ('requester' in run.payload && !run.resumed && !told.hasTold()) throw new Error('The job ended without a word.');
    log.info({ tookMs: Math.round(performance.now() - start) }, 'Job done');
  } catch (error) {
    if (stopping.draining.aborted) {
      outcome = 'handed_back';
      log.info('The job goes back to its queue: this worker stops');
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (canGoOn(error, job)) {
      outcome = 'handed_back';
      log.warn({ reason: messageOf(error) }, 'The job goes back to its queue');
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (lost.aborted) {
      outcome = 'handed_back';
      log.warn('Another run has the job: Redis was away for too long');
      throw withoutStack(error);
    }
    outcome = error instanceof Refusal ? 'refused' : 'failed';
    log[outcome === 'refused' ? 'info' : 'error']({ err: error }, `Job ${outcome}`);
    await tellFailure({ ...tools, log }, job, error);
    throw withoutStack(error);
  } finally {
    metrics.jobDuration.observe({ job_name: label, outcome }, (performance.now() - start) / seconds(1));
  }
}

const mostInterruptions = 20;

/** The claim was lost or the API of the host cluster went away under a job that can be resumed. */
const canGoOn = (error: unknown, { name, attemptsStarted }: Job<JobData>): boolean =>
  (error instanceof ClaimLost || isPassing(error)) &&
  jobs[name as JobName].queue === 'provisioning' &&
  attemptsStarted < mostInterruptions;

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
      isTooOld ? 'The command was given more than a day ago.' : 'The signature of the job is wrong.',
      {
        hint: 'Repeat the command. If that does not help, the bot and the workers have different values of SLACK_BOT_TOKEN.',
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
  if (!(error instanceof UnknownDemo && 'elsewhere' in run.payload)) return false;
  const { id, name, payload, config, settings, askedAt, log } = run;
  const { elsewhere = [], askedBefore = [] } = run.payload;
  const [next, ...later] = elsewhere.filter((cluster) => config.clusters.includes(cluster));
  if (next === undefined || config.hostCluster === undefined) return false;
  const queue = openQueue(queueName(jobs[name].queue, next));
  try {
    const asked = { ...payload, elsewhere: later, askedBefore: [...askedBefore, config.hostCluster] };
    const request = jobs[name].payload.parse(asked);
    await putOnQueue(queue, settings.SLACK_BOT_TOKEN, { id, name, payload: request, timestamp: askedAt.getTime() });
    log.info({ next }, 'No such demo here: another host cluster is asked');
    return true;
  } finally {
    await queue.close();
  }
}

/** Tells about a job that BullMQ gave up, as one worker after the other died while it did it. */
export async function reportAbandoned(job: Job<JobData>, { tools, log }: Workshop): Promise<void> {
  const error = new UserError('abandoned', `The workers that did it died, ${job.stalledCounter} times in a row.`, {
    hint: "Check the workers' memory limit and what they logged last; then repeat the command.",
  });
  log.error({ jobId: job.id, job: job.name, demo: job.data.demo }, 'A job was given up');
  tools.metrics.jobDuration.observe({ job_name: job.name, outcome: 'failed' }, 0);
  await tellFailure({ slack: tools.slack, log }, job, error);
}

/** What reaches Redis is the short text alone: no stack, no cause. */
function withoutStack(error: unknown): Error {
  const short = new Error(messageOf(error).slice(0, 500));
  short.stack = short.message;
  return short;
}
