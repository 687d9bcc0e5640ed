import type { Demo } from './demo.js';

/* Which jobs are over for a demo, so that none runs twice, or for another demo than the one that was meant. */

/** More than a demo usually sees while a job's signature is valid. */
const doneJobsKept = 500;

/**
 * The demo, with the job recorded as done. If somebody gives so many commands that some are forgotten, everything that was
 * asked for until now counts as done: a job of which the record no longer knows must not be repeated.
 */
export function withDone(demo: Demo, jobId: string, now = new Date()): Demo {
  const done = [...demo.done.filter((id) => id !== jobId), jobId];
  return done.length <= doneJobsKept
    ? { ...demo, done }
    : { ...demo, done: done.slice(-doneJobsKept / 2), doneBefore: now };
}

/** Whether a job is already done for this demo, or was meant for an earlier demo of the same name. */
export const isOver = (demo: Demo, job: { id: string; askedAt: Date }): boolean =>
  demo.done.includes(job.id) || job.askedAt.getTime() < (demo.doneBefore?.getTime() ?? 0) || isForEarlier(demo, job);

/** Whether a job was meant for an earlier demo of the same name. */
export const isForEarlier = ({ created }: Demo, { askedAt }: { askedAt: Date }): boolean =>
  askedAt.getTime() < created.getTime();

/**
 * Whether an earlier run of this job began its work on the demo. Only the record says so: the counters of a job in Redis are
 * not signed.
 */
export const isResumed = ({ begun }: Demo, { id }: { id: string }): boolean => begun?.jobId === id;

/**
 * Whether an earlier run of this job has left something to do: work, or, if that is done, to tell people so. A demo that was
 * paused since, or whose creation was cancelled, is not created again.
 */
export const mayGoOn = (demo: Demo, job: { id: string; askedAt: Date }): boolean =>
  isResumed(demo, job) && (demo.state === 'creating' || demo.state === 'ready' || !isOver(demo, job));
