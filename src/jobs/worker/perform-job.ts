import { WaitingError, type Job, type Queue } from 'bullmq';
import { commandOf, jobs, namedDemoIn, type JobName } from '../../commands/job-payloads.js';
import { queueName } from '../../commands/payload.js';
import { seconds } from '../../duration.js';
import { messageOf, Refusal, UserError } from '../../errors.js';
import { putBack, putOnQueue } from '../../job-queue.js';
import { isPassing } from '../../k8s/client/api-errors.js';
import { ClaimLost } from '../../k8s/demo/claim.js';
import type { Demo } from '../../k8s/demo/demo.js';
import type { Log } from '../../log.js';
import type { JobOutcome } from '../../metrics.js';
import { clip } from '../../redact.js';
import { auditDemo, auditLog, type AuditedAct } from '../audit.js';
import { handle } from '../commands/index.js';
import { refreshCard } from '../demo-card.js';
import { CarriedOut, UnknownDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import { withDemoOfThread } from '../thread-demo.js';
import { currentConfig, type JobRun, type WorkerTools } from '../job-run.js';
import { carriedOutMessage } from '../slack/messages.js';
import type { Slack } from '../slack/slack.js';
import { watchTelling } from '../slack/told.js';
import { closeWork } from './close-work.js';
import type { Homes } from './homes.js';
import { OutdatedJob, readJob, UntrustedJob, type ReadJob } from './read-job.js';
import { assertMayAsk, assertMayAskLater } from './requester-check.js';
import { tellFailure } from './tell-failure.js';

/** What a worker needs to run jobs. */
export interface Workshop {
  tools: WorkerTools;
  /** For jobs of people, which do not end before they have heard of it: it waits while Slack is away, until `lost`. */
  patientSlack(lost?: AbortSignal): Slack;
  /** The two stages of stopping. */
  stopping: Pick<JobRun<JobName>, 'draining' | 'signal'>;
  /** Undefined if nobody's Home is refreshed. */
  homes?: Homes;
  /** Opens a queue, possibly of another host cluster; the caller closes it. */
  openQueue(name: string): Queue;
  log: Log;
}

/**
 * Runs one job and decides how it ends: done, and its handler has said so; failed, and the person is told; handed back to
 * its queue; or not trusted. `lost` is aborted when Redis has given the job to another run.
 */
export async function performJob(
  job: Job<unknown>,
  token: string | undefined,
  lost: AbortSignal,
  workshop: Workshop,
): Promise<void> {
  const { tools, stopping } = workshop;
  const { metrics } = tools;
  const read = await readOrDistrust(job, workshop, { lost, handBack: () => returnJob(job, token, workshop) });
  const { id, name } = read;
  let demo = namedDemoIn(read.payload);
  const log = workshop.log.child({ jobId: id, job: name, ...(demo !== undefined && { demo }) });
  const start = performance.now();
  if (jobs[name].queue !== 'verification') workshop.homes?.changed();
  log.info({ attempt: job.attemptsStarted }, 'job started');
  // If a job went back to its queue, only the wait before its first start counts.
  if (job.attemptsStarted === 1)
    metrics.jobWait.observe({ job_name: name }, Math.max(0, Date.now() - read.askedAt.getTime()) / seconds(1));
  // What is only said once waits; the rest is said by the next upkeep.
  const slack = 'requester' in read.payload || name === 'autopause' ? workshop.patientSlack(lost) : tools.slack;
  const told = watchTelling(slack);
  let outcome: JobOutcome = 'done';
  const handBack = async (reason: string) => {
    outcome = 'handed_back';
    log.info({ reason }, 'job handed back to its queue');
    return await returnJob(job, token, { ...workshop, log });
  };
  try {
    const run = { ...runOf(job, read, lost, workshop, log), slack: told.slack };
    run.slack = await checkedSlack(run, read);
    run.signal.throwIfAborted();
    const work = async () => {
      const found = await withDemoOfThread(run);
      demo = namedDemoIn({ ...found.payload, ofThread: false });
      await handle(found);
    };
    await work().catch(async (error: unknown) => {
      if (error instanceof CarriedOut) return await sayCarriedOut(run, read, error.demo);
      if (!(await handOn(error, run, read, workshop))) throw error;
      told.passOn();
    });
    if ('requester' in run.payload && !run.resumed && !told.hasTold())
      throw new Error('The job ended without a message to the person.');
    log.info({ tookMs: Math.round(performance.now() - start) }, 'job done');
  } catch (error) {
    if (stopping.draining.aborted) await handBack('this worker is stopping');
    if (canGoOn(error, job, name)) await handBack(messageOf(error));
    if (lost.aborted) {
      outcome = 'handed_back';
      log.warn('another worker has taken over the job: Redis was unreachable for too long');
      throw withoutStack(error);
    }
    outcome = error instanceof Refusal ? 'refused' : 'failed';
    log[outcome === 'refused' ? 'info' : 'error']({ err: error }, `job ${outcome}`);
    const card = await closeWork({ settings: tools.settings, slack, log }, read, error);
    const isTold = await tellFailure({ slack, log }, read, error, card);
    if (!isTold && stopping.draining.aborted) await handBack('this worker is stopping, and Slack is not available');
    throw withoutStack(error);
  } finally {
    if (jobs[name].queue !== 'verification' || quickChanges.has(name)) workshop.homes?.changed();
    metrics.jobDuration.observe({ job_name: name, outcome }, (performance.now() - start) / seconds(1));
    const act = commandAct(read, outcome, demo);
    if (demo === undefined) auditLog(log, act);
    else auditDemo(log, { name: demo }, act);
  }
}

/** Puts the job back on its queue. @throws WaitingError, which tells BullMQ so */
async function returnJob(job: Job<unknown>, token: string | undefined, workshop: Workshop): Promise<never> {
  const queue = workshop.openQueue(job.queueName);
  await putBack(queue, job, token)
    // Redis may be full. Failing the job would end it for good, without a word.
    .catch((error: unknown) =>
      workshop.log.warn(
        { reason: messageOf(error) },
        'job was not put back; it starts again when its lock has expired',
      ),
    )
    .finally(() => queue.close());
  throw new WaitingError();
}

/**
 * Checks that the requester may ask for this; returns how the job talks to people from then on.
 * @throws Refusal
 */
async function checkedSlack(run: JobRun<JobName>, read: ReadJob): Promise<Slack> {
  const { payload, config, people, slack, log } = run;
  if (!('requester' in payload)) return slack;
  const check = { access: config.access, people, command: commandOf(read), log };
  if (jobs[run.name].queue === 'provisioning') return await assertMayAskLater(payload.requester, check, slack);
  await assertMayAsk(payload.requester, check);
  return slack;
}

/** Jobs among the questions that change what a Home shows. */
const quickChanges: ReadonlySet<JobName> = new Set([
  ...(['cancel', 'extend', 'maintenance', 'pool', 'reverify', 'share', 'transfer', 'verify'] as const),
]);

/** Who asked for what, and what came of it. */
function commandAct({ name, payload }: ReadJob, outcome: JobOutcome, demo: string | undefined): AuditedAct {
  const { requester, ...given } = 'requester' in payload ? payload : { requester: undefined, ...payload };
  const words = { ...given, ...('demo' in given && { demo }) };
  return {
    act: 'command',
    by: requester?.userId,
    what: `${name}: ${outcome}`,
    facts: { command: name, channel: requester?.channelId, words, outcome },
  };
}

/**
 * An untrusted job is neither repeated in Slack nor counted, and little of it is logged. Of one that has waited for too long,
 * its requester hears, from the next worker if this one stops before Slack takes it.
 */
async function readOrDistrust(
  job: Job<unknown>,
  workshop: Workshop,
  { lost, handBack }: { lost?: AbortSignal; handBack?: () => Promise<never> } = {},
): Promise<ReadJob> {
  const { tools, stopping, log } = workshop;
  try {
    return readJob(job, tools.settings);
  } catch (error) {
    if (error instanceof OutdatedJob && error.job.name !== 'home') {
      const isTold = await tellFailure({ slack: workshop.patientSlack(lost), log }, error.job, outdated());
      if (!isTold && stopping.draining.aborted) await handBack?.();
    }
    if (error instanceof UntrustedJob)
      log.warn({ jobId: clip(String(job.id), 60), reason: error.message }, 'untrusted job ignored');
    throw withoutStack(error);
  }
}

const outdated = () =>
  new Refusal('command-outdated', 'No worker took this command for more than a day, so it is not run any more.', {
    hint: 'If you still want it, send it again.',
  });

const mostInterruptions = 20;

/**
 * Whether the claim was lost, or the host cluster's API failed, and the job can be resumed. A question is not resumed after
 * a failure of the API, because the person waits for the answer.
 */
const canGoOn = (error: unknown, { attemptsStarted }: Job, name: JobName): boolean =>
  (error instanceof ClaimLost || (isPassing(error) && jobs[name].queue !== 'verification')) &&
  attemptsStarted < mostInterruptions;

function runOf(
  job: Job<unknown>,
  { id, name, payload, askedAt }: ReadJob,
  lost: AbortSignal,
  { tools, stopping, openQueue }: Workshop,
  log: Log,
): JobRun<JobName> {
  return {
    ...tools,
    draining: stopping.draining,
    signal: AbortSignal.any([stopping.signal, lost]),
    id,
    name,
    payload,
    askedAt,
    resumed: job.stalledCounter > 0 || job.attemptsStarted > 1,
    config: currentConfig(tools.settings),
    openQueue,
    log,
  };
}

/**
 * Passes the job on to the next host cluster if this one does not have the demo. The bot has signed it for each of them. It
 * keeps its id, so passing it on twice has no effect.
 */
async function handOn(error: unknown, run: JobRun<JobName>, read: ReadJob, { openQueue }: Workshop): Promise<boolean> {
  const { payload, config, log } = run;
  if (!(error instanceof UnknownDemo && 'searched' in payload && payload.searched && config.hostCluster)) return false;
  const { searched } = payload;
  const next = searched[searched.indexOf(config.hostCluster) + 1];
  if (next === undefined || !config.clusters.includes(next)) return false;
  const { id, name, askedAt, signatures } = read;
  const queue = openQueue(queueName(jobs[name].queue, next));
  try {
    await putOnQueue(queue, { id, name, payload, timestamp: askedAt.getTime() }, signatures);
    log.info({ next }, 'demo not found here; asking the next host cluster');
    return true;
  } finally {
    await queue.close();
  }
}

/** An earlier run has done what was asked for, but its worker ended before everybody knew. */
async function sayCarriedOut(run: JobRun<JobName>, read: ReadJob, demo: Demo): Promise<void> {
  const { payload, slack } = run;
  if ('requester' in payload)
    await slack.whisper(payload.requester, carriedOutMessage(commandOf(read) ?? run.name, demo));
  await withHost(run, (host) => refreshCard(run, host, demo));
}

/** Reports a job that BullMQ gave up because one worker after another died while running it. */
export async function reportAbandoned(job: Job<unknown>, workshop: Workshop): Promise<void> {
  const { tools, patientSlack, log } = workshop;
  const read = await readOrDistrust(job, workshop);
  const error = new UserError('abandoned', `The worker running this job died ${job.stalledCounter} times in a row.`, {
    hint: "Check the workers' memory limit and their last log lines, then repeat the command.",
  });
  log.error({ jobId: read.id, job: read.name }, 'job abandoned');
  tools.metrics.jobDuration.observe({ job_name: read.name, outcome: 'failed' }, 0);
  const slack = patientSlack();
  const card = await closeWork({ settings: tools.settings, slack, log }, read, error);
  await tellFailure({ slack, log }, read, error, card);
}

/** Only the short text reaches Redis: no stack, no cause. */
function withoutStack(error: unknown): Error {
  const short = new Error(messageOf(error).slice(0, 500));
  short.stack = short.message;
  return short;
}
