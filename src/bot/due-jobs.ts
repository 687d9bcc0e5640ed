import type { Queue } from 'bullmq';
import { jobsIn } from '../job-queue.js';

/** How many are moved at a time; the next turn moves the others. */
const mostAtOnce = 100;

/**
 * Moves jobs whose time has come to those that wait for a worker. A worker does that by itself, but there may be none, and
 * KEDA starts one only for jobs that wait.
 */
export async function promoteDueJobs(queue: Queue): Promise<void> {
  const jobs = await jobsIn(queue, ['delayed'], 0, mostAtOnce - 1);
  const due = jobs.filter(({ timestamp, delay }) => timestamp + delay <= Date.now());
  // Another bot, or a worker that has just started, may be faster.
  await Promise.allSettled(due.map((job) => job.promote()));
}
