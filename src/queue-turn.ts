import type { Queue } from 'bullmq';
import { formatDuration, minutes } from './duration.js';
import { doneJobs, findJob, isTakenBack, jobsIn } from './job-queue.js';
import { medianOf } from './median.js';

/* Whose turn it is: how many jobs are before one that waits, and about how long they will take. */

/** The place of a waiting job in its queue. */
export interface Turn {
  /** How many jobs are before it. */
  before: number;
  /** In about how many milliseconds it begins; undefined if nothing tells. */
  startsInMs: number | undefined;
}

/** How busy the workers of a queue are. */
interface Pace {
  /** For how long each job has been running that is running now, in milliseconds. */
  runningForMs: readonly number[];
  /** How long a job usually takes; undefined if none has ended lately. */
  usualMs: number | undefined;
}

/**
 * In how many milliseconds a job begins that has `before` jobs before it: each running job makes room when it has taken its
 * usual time. Undefined if nothing runs, because then nobody knows when a worker comes.
 */
export function startsInMs(before: number, { runningForMs, usualMs }: Pace): number | undefined {
  if (usualMs === undefined || runningForMs.length === 0) return undefined;
  const free = runningForMs.map((ms) => Math.max(0, usualMs - ms));
  for (let turn = 0; turn < before; turn++) {
    const next = Math.min(...free);
    free[free.indexOf(next)] = next + usualMs;
  }
  return Math.min(...free);
}

/** `in about 3m` */
export const startsInText = (ms: number): string =>
  ms < minutes(1) ? 'within a minute' : `in about ${formatDuration(Math.round(ms / minutes(1)) * minutes(1))}`;

const mostActive = 100;
const mostWaiting = 500;
/** Of those that ended last. */
const mostMeasured = 15;

/** The pace of a queue, from the jobs that run and the last ones that people asked for and that were done. */
export async function paceOf(queue: Queue, now = Date.now()): Promise<Pace> {
  const [active, done] = await Promise.all([
    jobsIn(queue, ['active'], 0, mostActive),
    doneJobs(queue, 2 * mostMeasured),
  ]);
  const runningForMs = active.map(({ processedOn = NaN }) => now - processedOn).filter(Number.isFinite);
  const tookMs = done
    .filter(({ name }) => name !== 'renew')
    .map(({ processedOn = NaN, finishedOn = NaN }) => finishedOn - processedOn)
    .filter(Number.isFinite);
  return { runningForMs, usualMs: tookMs.length > 0 ? medianOf(tookMs.slice(0, mostMeasured)) : undefined };
}

/**
 * The place of a job that no worker has taken yet; undefined if one has, or somebody has taken it back. `lost` if Redis does
 * not have it any more, for example after a failover: jobs that have ended are kept for longer.
 */
export async function turnOf(queue: Queue, id: string): Promise<Turn | 'lost' | undefined> {
  const job = await findJob(queue, id);
  if (job === undefined) return (await isTakenBack(queue, id)) ? undefined : 'lost';
  if (job.processedOn !== undefined) return undefined;
  const waiting = await queue.getRanges(['wait'], 0, mostWaiting, true);
  const place = waiting.indexOf(id);
  const before = place === -1 ? waiting.length : place;
  return { before, startsInMs: startsInMs(before, await paceOf(queue)) };
}
