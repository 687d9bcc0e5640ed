import type { ButtonDemo } from '../slack/demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import type { Job, JobType } from 'bullmq';
import { isOwner, roleOf } from '../../access.js';
import { queueName } from '../../commands/payload.js';
import { seconds } from '../../duration.js';
import { Refusal } from '../../errors.js';
import { jobsIn } from '../../job-queue.js';
import { pause } from '../../k8s/check.js';
import { cancelHolder, holderNow, type Holder } from '../../k8s/demo/claim.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { changeExisting, findDemo } from '../../k8s/demo/demo-record.js';
import { problemOf, withAudit, withDone, type Demo } from '../../k8s/demo/demo.js';
import { claimNamespace } from '../../k8s/demo/managed-by.js';
import { mention, mrkdwn } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { audit, auditLog } from '../audit.js';
import { assertMayRun, assertNotOver, findCommandDemo, namedDemo, requireDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { describeState, message } from '../slack/messages.js';
import { readJob, UntrustedJob, type ReadJob } from '../worker/read-job.js';

type CancelRun = JobRun<'cancel'>;

/** What can be stopped halfway and continued later, in the words of the answer. */
const cancellable: Readonly<Record<string, string>> = {
  create: 'the creation',
  resume: 'the resumption',
  revoke: 'the replacement of the keys',
};

/** How long it takes a holder to notice, plus the time to stop its tools; another worker notices after a dead one. */
const noticedWithinMs = seconds(30);
/** A job that was just taken from its queue has no Lease yet, or has not recorded its demo. */
const beginsWithinMs = seconds(20);
const lookEveryMs = 300;

/** Takes the creation of a demo off the queue or, if it has begun, asks the worker that does it to stop. */
export const cancel: Handler<'cancel'> = (run) =>
  withHost(run, async (host) => {
    const { payload, slack } = run;
    const { demo: name, requester } = payload;
    const deadline = performance.now() + beginsWithinMs;
    for (;;) {
      const removed = await removeWaiting(run, host);
      if (removed) {
        await noteRemoved(run, host, removed);
        return await slack.whisper(requester, removedMessage(name, removed.name));
      }
      const holder = await cancelRunning(run, host);
      if (holder) {
        const isDone = await hasLetGo(run, host, holder);
        await noteDone(run, host);
        return await slack.whisper(requester, cancelledMessage(namedDemo(run), holder, isDone));
      }
      if (performance.now() > deadline || !(await isBeginning(run))) break;
      await pause(lookEveryMs, run.signal);
    }
    await slack.whisper(requester, nothingToCancelMessage(await requireDemo(host, run)));
  });

// ------------------------------------------------------------------ jobs that wait

const mostJobs = 500;

/**
 * Removes the first waiting job for this demo that can be cancelled; undefined if there is none.
 * @throws Refusal `not-owner` if it is somebody else's
 */
const removeWaiting = (run: CancelRun, host: Cluster): Promise<ReadJob | undefined> =>
  withJobs(run, ['wait', 'prioritized', 'delayed'], async (jobs) => {
    for (const { job, read } of jobs) {
      await assertMayCancel(run, host, read);
      // A worker may be faster; then it is no longer waiting.
      const isRemoved = await job.remove().then(
        () => true,
        () => false,
      );
      if (isRemoved) return read;
    }
    return undefined;
  });

const isBeginning = (run: CancelRun): Promise<boolean> =>
  withJobs(run, ['active'], (jobs) => Promise.resolve(jobs.length > 0));

/** Jobs for this demo that can be cancelled. */
async function withJobs<Result>(
  run: CancelRun,
  states: JobType[],
  work: (jobs: { job: Job<unknown>; read: ReadJob }[]) => Promise<Result>,
): Promise<Result> {
  const queue = run.openQueue(queueName('provisioning', run.config.hostCluster));
  try {
    const jobs = await jobsIn(queue, states, 0, mostJobs);
    return await work(
      jobs.flatMap((job) => {
        const read = readTrusted(job, run);
        return read && isFor(run, read) ? [{ job, read }] : [];
      }),
    );
  } finally {
    await queue.close();
  }
}

function readTrusted(job: Job<unknown>, { settings }: CancelRun): ReadJob | undefined {
  try {
    return readJob(job, settings);
  } catch (error) {
    if (error instanceof UntrustedJob) return undefined;
    throw error;
  }
}

const isFor = ({ payload }: CancelRun, { name, payload: other }: ReadJob): boolean =>
  name in cancellable && 'demo' in other && other.demo === payload.demo;

/** Who gave a command may take it back; otherwise the demo decides, or if there is none yet, only administrators may. */
async function assertMayCancel(run: CancelRun, host: Cluster, { payload }: ReadJob): Promise<void> {
  const { requester, demo: name } = run.payload;
  if ('requester' in payload && payload.requester.userId === requester.userId) return;
  const demo = await findDemo(host, name);
  if (demo) return await assertMayRun(run, demo);
  const role = await roleOf(run.config.access, requester, run.people);
  const owner = 'requester' in payload ? payload.requester.userId : '';
  if (isOwner(role, requester.userId, { owner: { id: owner, name: '' } })) return;
  throw new Refusal('not-owner', `Demo ${name} was requested by somebody else.`, {
    hint: mrkdwn`Ask ${mention(owner)}, or an administrator.`,
  });
}

/** A job that was interrupted and waits to go on has left a demo behind. */
async function noteRemoved(run: CancelRun, host: Cluster, removed: ReadJob): Promise<void> {
  const { userId: by } = run.payload.requester;
  const act = { act: 'cancelled', by, what: `removed ${cancellable[removed.name]} from the queue` };
  const demo = await findDemo(host, run.payload.demo);
  if (!demo) return auditLog(run.log, act);
  // Their own job may be about a demo that somebody else is creating.
  const isTheirs = await mayRun(run, demo);
  await changeExisting(host, demo, (current) => {
    const noted = withAudit(current, { at: new Date(), by, what: act.what });
    return current.state === 'creating' && isTheirs
      ? { ...noted, state: 'failed', problem: problemOf('it was cancelled') }
      : noted;
  });
  await audit(run.log, host, demo, act);
}

async function mayRun(run: CancelRun, demo: Demo): Promise<boolean> {
  try {
    await assertMayRun(run, demo);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

// ------------------------------------------------------------------ jobs that run

/**
 * Asks the job that holds the claim to stop; undefined if nothing is being done with the demo.
 * @throws Refusal `not-owner`, `not-cancellable`, `command-over`
 */
async function cancelRunning(run: CancelRun, host: Cluster): Promise<Holder | undefined> {
  const { demo: name, requester } = run.payload;
  const namespace = claimNamespace(host);
  const demo = await findCommandDemo(host, run);
  if (demo) assertNotOver(run, demo);
  const request = { host, demo: name, namespace, by: requester.userId };
  const holder = await cancelHolder(request, ({ purpose }) => demo !== undefined && purpose in cancellable);
  if (demo === undefined || holder === undefined) return undefined;
  if (!(holder.purpose in cancellable))
    throw new Refusal(
      'not-cancellable',
      `The job that is working on demo ${name} cannot be cancelled: \`${holder.purpose}\`.`,
      {
        hint: `${commandLine(demo, 'status')} shows how far it is.`,
      },
    );
  return holder;
}

/** Whether the job has stopped and released the demo. */
async function hasLetGo({ payload, signal }: CancelRun, host: Cluster, { jobId }: Holder): Promise<boolean> {
  const deadline = performance.now() + noticedWithinMs;
  while (performance.now() < deadline) {
    const now = await holderNow(host, claimNamespace(host), payload.demo);
    if (now?.jobId !== jobId) return true;
    await pause(lookEveryMs, signal);
  }
  return false;
}

/** Redis is not trusted: this job, if it is repeated, cancels no later create. */
async function noteDone({ id, payload }: CancelRun, host: Cluster): Promise<void> {
  const demo = await findDemo(host, payload.demo);
  if (demo) await changeExisting(host, demo, (current) => withDone(current, id));
}

// ------------------------------------------------------------------ answers

const removedMessage = (demo: string, command: string): SlackMessage =>
  message(
    mrkdwn`:octagonal_sign: \`${command} ${demo}\` was still waiting for a worker. It was removed from the queue; nothing was done.`,
  );

const nothingToCancelMessage = (demo: Demo): SlackMessage =>
  message(
    mrkdwn`:information_source: There is nothing to cancel: no job for demo *${demo.name}* is running or waiting. State: ${describeState(demo)}. ${commandLine(demo, 'delete')} deletes it.`,
  );

export const cancelledMessage = (demo: ButtonDemo, { purpose, jobId }: Holder, isDone: boolean): SlackMessage =>
  message(
    isDone
      ? mrkdwn`:octagonal_sign: Cancelled ${cancellable[purpose] ?? purpose} of demo *${demo.name}*.`
      : mrkdwn`:warning: Job \`${jobId}\` was asked to stop, but has not done so within ${noticedWithinMs / 1000} s. If that worker has died, the next one to take the job stops it; ${commandLine(demo, 'status')} shows who is working on it.`,
  );
