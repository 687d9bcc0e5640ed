import type { ButtonDemo } from '../slack/demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import type { Job, JobType, Queue } from 'bullmq';
import { isOwner, roleOf } from '../../access.js';
import { isCancellable, isRemovable, namedDemoIn, type RemovableJob } from '../../commands/job-payloads.js';
import { queueName, type QueueKind } from '../../commands/payload.js';
import { seconds } from '../../duration.js';
import { Refusal } from '../../errors.js';
import { jobsIn, takeBack } from '../../job-queue.js';
import { holds, lacks, lookFor, pause } from '../../k8s/check.js';
import { cancelHolder, holderNow } from '../../k8s/demo/claim-holder.js';
import type { Holder } from '../../k8s/demo/lease.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { changeExisting, findDemo, listDemos } from '../../k8s/demo/demo-record.js';
import { problemOf, withAudit, type Demo } from '../../k8s/demo/demo.js';
import { withDone } from '../../k8s/demo/done-jobs.js';
import { claimNamespace } from '../../k8s/demo/managed-by.js';
import { mention, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import type { SlackMessage } from '../../slack-message.js';
import { audit, auditLog } from '../audit.js';
import { assertMayRun, assertNotOver, findCommandDemo, namedDemo, requireDemo, UnknownDemo } from '../find-demo.js';
import { isCardAt } from '../thread-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler, JobRun } from '../job-run.js';
import { describeActivity, describeState, message } from '../slack/messages.js';
import { readJob, UntrustedJob, type ReadJob } from '../worker/read-job.js';

type CancelRun = JobRun<'cancel'>;

/** What can be stopped, in the words of the answer. */
const whatOf: Readonly<Record<RemovableJob, string>> = {
  create: 'the creation',
  resume: 'the resumption',
  revoke: 'the replacement of the keys',
  pause: 'the pause',
  delete: 'the deletion',
};

const describe = (job: string): string => (isRemovable(job) ? whatOf[job] : job);

/** How long it takes a holder to notice, plus the time to stop its tools; another worker notices after a dead one. */
const noticedWithinMs = seconds(30);
/** A job that was just taken from its queue has no Lease yet, or has not recorded its demo. */
const beginsWithinMs = seconds(20);
const lookEveryMs = 300;

/**
 * Takes the work on a demo off its queue or, if it has begun and can be stopped halfway, asks the worker that does it to stop.
 * Without a name, that is the last one that the person asked for, which may not have a name yet.
 */
export const cancel: Handler<'cancel'> = (run) =>
  withHost(run, async (host) => {
    const { slack } = run;
    const { requester, isUnnamed = false } = run.payload;
    const deadline = performance.now() + beginsWithinMs;
    for (;;) {
      const removed = await removeWaiting(run, host);
      if (removed) {
        await noteRemoved(run, host, removed);
        return await slack.whisper(requester, removedMessage(removed));
      }
      const named = isUnnamed ? await withOwnDemo(run, host) : run;
      const holder = named && (await cancelRunning(named, host));
      if (holder) {
        const hasStopped = await hasLetGo(named, host, holder);
        const demo = await noteDone(named, host);
        const end = !hasStopped ? 'goes on' : demo && wasFinished(demo, holder) ? 'finished' : 'stopped';
        return await slack.whisper(requester, cancelledMessage(namedDemo(named), holder, end));
      }
      if (performance.now() > deadline || !(await isBeginning(run, host))) break;
      await pause(lookEveryMs, run.signal);
    }
    if (isUnnamed) throw nothingOfOwn(run);
    await slack.whisper(requester, nothingToCancelMessage(await requireDemo(host, run)));
  });

/** The run with the demo that the person's last command works on; undefined if that has none yet, or if there is no such command. */
const withOwnDemo = (run: CancelRun, host: Cluster): Promise<CancelRun | undefined> =>
  withJobs(run, host, ['active'], async ([latest]) =>
    latest?.about === undefined ? undefined : { ...run, payload: { ...run.payload, demo: latest.about } },
  );

const nothingOfOwn = (run: CancelRun): UnknownDemo =>
  new UnknownDemo(
    'None of your commands that are waiting or running can be cancelled.',
    namedDemo(run),
    [],
    'To cancel the work on a demo, name it: `/vcdemo cancel team-a`.',
  );

// ------------------------------------------------------------------ jobs that wait

const mostJobs = 500;
/** Where the jobs are that can be cancelled. */
const searchedQueues: readonly QueueKind[] = ['provisioning', 'removal'];

/** A job that can be cancelled. */
interface Cancellable {
  job: Job<unknown>;
  queue: Queue;
  read: ReadJob;
  /** The demo; undefined for a create whose name has not been found yet. */
  about: string | undefined;
}

/**
 * Removes the first waiting job that is meant; undefined if there is none.
 * @throws Refusal `not-owner` if it is somebody else's
 */
const removeWaiting = (run: CancelRun, host: Cluster): Promise<Cancellable | undefined> =>
  withJobs(run, host, ['wait', 'prioritized', 'delayed', 'active'], async (jobs) => {
    for (const each of run.payload.isUnnamed ? jobs.slice(0, 1) : jobs) {
      await assertMayCancel(run, host, each);
      // One that a worker has taken is asked to stop, even if Redis has lost sight of that worker.
      if (!(await each.job.isActive()) && (await takeBack(each.queue, each.job))) return each;
    }
    return undefined;
  });

const isBeginning = (run: CancelRun, host: Cluster): Promise<boolean> =>
  withJobs(run, host, ['active'], (jobs) => Promise.resolve(jobs.length > 0));

/** The jobs that are meant and can be cancelled; without a name, the latest first. */
async function withJobs<Result>(
  run: CancelRun,
  host: Cluster,
  states: JobType[],
  work: (jobs: Cancellable[]) => Promise<Result>,
): Promise<Result> {
  const queues = searchedQueues.map((kind) => run.openQueue(queueName(kind, run.config.hostCluster)));
  try {
    const read = (await Promise.all(queues.map((queue) => removableIn(queue, states, run)))).flat();
    const demos = read.length > 0 ? (await listDemos(host)).demos : [];
    const open = read.filter(({ read: { id, name } }) => isCancellable(name) || !begunBy(id, demos));
    return await work(
      meantBy(
        run,
        open.map((each) => ({ ...each, about: demoOf(each.read, demos) })),
      ),
    );
  } finally {
    await Promise.all(queues.map((queue) => queue.close()));
  }
}

/** Of those that a worker has taken, only the ones that it can stop halfway. */
async function removableIn(queue: Queue, states: JobType[], run: CancelRun): Promise<Omit<Cancellable, 'about'>[]> {
  const jobs = await jobsIn(queue, states, 0, mostJobs);
  const found = await Promise.all(
    jobs.map(async (job) => {
      const read = readTrusted(job, run);
      if (read === undefined || !isRemovable(read.name)) return [];
      return isCancellable(read.name) || !(await job.isActive()) ? [{ job, queue, read }] : [];
    }),
  );
  return found.flat();
}

/** The demo on which an earlier run of this job has begun to work. */
const begunBy = (id: string, demos: readonly Demo[]): Demo | undefined =>
  demos.find(({ begun, replacing, paused }) => [begun, replacing, paused].some((work) => work?.jobId === id));

/** The demo that a job works on, or will. */
function demoOf({ id, payload }: ReadJob, demos: readonly Demo[]): string | undefined {
  const begun = begunBy(id, demos);
  if (begun) return begun.name;
  if ('ofThread' in payload && payload.ofThread) {
    const { channelId, thread } = payload.requester;
    const above = demos.find((demo) => isCardAt(demo, channelId, thread));
    if (above) return above.name;
  }
  return namedDemoIn(payload);
}

/** A create without a name is also meant by the name that it tries first. Later ones are not: Redis may repeat this job. */
function meantBy(
  { payload, askedAt }: Pick<CancelRun, 'payload' | 'askedAt'>,
  jobs: readonly Cancellable[],
): Cancellable[] {
  const { requester, demo, isUnnamed } = payload;
  const own = jobs
    .filter(({ read }) => isOf(read, requester.userId) && read.askedAt <= askedAt)
    .toSorted((a, b) => b.read.askedAt.getTime() - a.read.askedAt.getTime());
  if (isUnnamed) return own;
  const nameless = own.filter(
    ({ read, about }) => about === undefined && 'demo' in read.payload && read.payload.demo === demo,
  );
  return [...jobs.filter(({ about }) => about === demo), ...nameless];
}

const isOf = ({ payload }: ReadJob, userId: string): boolean =>
  'requester' in payload && payload.requester.userId === userId;

function readTrusted(job: Job<unknown>, { settings }: CancelRun): ReadJob | undefined {
  try {
    return readJob(job, settings);
  } catch (error) {
    if (error instanceof UntrustedJob) return undefined;
    throw error;
  }
}

/** Who gave a command may take it back; otherwise the demo decides, or if there is none yet, only administrators may. */
async function assertMayCancel(run: CancelRun, host: Cluster, { read, about }: Cancellable): Promise<void> {
  const { requester } = run.payload;
  if (isOf(read, requester.userId)) return;
  const { payload } = read;
  const demo = about === undefined ? undefined : await findDemo(host, about);
  if (demo) return await assertMayRun(run, demo);
  const role = await roleOf(run.config.access, requester, run.people);
  const owner = 'requester' in payload ? payload.requester.userId : '';
  if (isOwner(role, requester.userId, { owner: { id: owner, name: '' } })) return;
  throw new Refusal('not-owner', `Demo ${about ?? run.payload.demo} was requested by somebody else.`, {
    hint: mrkdwn`Ask ${mention(owner)}, or an administrator.`,
  });
}

/** A job that was interrupted and waits to go on has left a demo behind. */
async function noteRemoved(run: CancelRun, host: Cluster, { read, about }: Cancellable): Promise<void> {
  const { userId: by } = run.payload.requester;
  const act = { act: 'cancelled', by, what: `removed ${describe(read.name)} from the queue` };
  const demo = about === undefined ? undefined : await findDemo(host, about);
  if (!demo) return auditLog(run.log, act);
  // Their own job may be about a demo that somebody else is creating.
  const isTheirs = await mayRun(run, demo);
  await changeExisting(host, demo, (current) => {
    // Redis is not trusted: the job, if it is repeated, is over.
    const noted = withDone(withAudit(current, { at: host.now(), by, what: act.what }), read.id);
    return isCancellable(read.name) && current.state === 'creating' && isTheirs
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
  const holder = await cancelHolder(request, ({ purpose }) => demo !== undefined && isCancellable(purpose));
  if (demo === undefined || holder === undefined) return undefined;
  if (!isCancellable(holder.purpose))
    throw new Refusal(
      'not-cancellable',
      `The current work on demo ${name} cannot be cancelled: ${describeActivity(holder.purpose)}.`,
      {
        hint: `${commandLine(demo, 'status')} shows how far it is.`,
      },
    );
  return holder;
}

/** Whether the job has stopped and released the demo. */
async function hasLetGo({ payload, signal }: CancelRun, host: Cluster, { jobId }: Holder): Promise<boolean> {
  const look = async () => {
    const now = await holderNow(host, claimNamespace(host), payload.demo);
    return now?.jobId === jobId ? lacks('it holds the claim') : holds;
  };
  return (await lookFor(look, { withinMs: noticedWithinMs, signal, everyMs: lookEveryMs })).holds;
}

/** Redis is not trusted: this job, if it is repeated, cancels no later create. */
async function noteDone({ id, payload }: CancelRun, host: Cluster): Promise<Demo | undefined> {
  const demo = await findDemo(host, payload.demo);
  return demo && (await changeExisting(host, demo, (current) => withDone(current, id)));
}

/** Whether the job was faster. */
const wasFinished = ({ state, replacing }: Demo, { purpose }: Holder): boolean =>
  state === 'ready' && (purpose !== 'revoke' || replacing === undefined);

// ------------------------------------------------------------------ answers

export const removedMessage = ({
  read,
  about,
}: Pick<Cancellable, 'about'> & { read: Pick<ReadJob, 'name'> }): SlackMessage =>
  message(
    mrkdwn`:octagonal_sign: \`${read.name}${about !== undefined && ` ${about}`}\` was still waiting for a worker. It was removed from the queue; nothing was done.`,
  );

export const nothingToCancelMessage = (demo: Demo): SlackMessage =>
  message(
    mrkdwn`:information_source: There is nothing to cancel: no creation, resumption or replacement of keys of demo *${demo.name}* is running or waiting, and no pause or deletion is waiting. State: ${describeState(demo)}. ${commandLine(demo, 'delete')} deletes it.`,
  );

/** How it ended with a job that was asked to stop. */
type End = 'stopped' | 'finished' | 'goes on';

export function cancelledMessage(demo: ButtonDemo, { purpose, jobId }: Holder, end: End): SlackMessage {
  const texts: Record<End, Mrkdwn> = {
    stopped: mrkdwn`:octagonal_sign: Cancelled ${describe(purpose)} of demo *${demo.name}*.`,
    finished: mrkdwn`:information_source: It was too late to cancel ${describe(purpose)} of demo *${demo.name}*: the demo is ready. ${commandLine(demo, 'delete')} deletes it.`,
    'goes on': mrkdwn`:warning: Job \`${jobId}\` was asked to stop, but has not done so within ${noticedWithinMs / 1000} s. If that worker has died, the next one to take the job stops it; ${commandLine(demo, 'status')} shows who is working on it.`,
  };
  return message(texts[end]);
}
