import type { Job, Queue } from 'bullmq';
import { namedDemoIn } from '../../commands/job-payloads.js';
import { jobsIn } from '../../job-queue.js';
import { paceOf, startsInMs } from '../../queue-turn.js';
import type { QueuedJob } from '../job-run.js';
import { readJob, UntrustedJob, type ReadJob } from './read-job.js';

const mostRead = 30;

/** The jobs on a queue that can be trusted: those that run, then those that wait, next first. */
export async function queuedJobs(queue: Queue, settings: Parameters<typeof readJob>[1]): Promise<QueuedJob[]> {
  const [active, waiting, pace] = await Promise.all([
    jobsIn(queue, ['active'], 0, mostRead),
    jobsIn(queue, ['wait'], 0, mostRead),
    paceOf(queue),
  ]);
  const read = (jobs: Job<unknown>[], isActive: boolean) =>
    jobs.flatMap((job, index): QueuedJob[] => {
      const found = readOrNothing(job, settings);
      // Nobody has asked for a warm pair.
      if (found === undefined || !('demo' in found.payload) || found.name === 'warm') return [];
      const { name, payload } = found;
      const userId = 'requester' in payload ? payload.requester.userId : undefined;
      return [
        {
          name,
          demo: namedDemoIn(payload),
          userId,
          isActive,
          startsInMs: isActive ? undefined : startsInMs(index, pace),
        },
      ];
    });
  return [...read(active, true), ...read(waiting, false)];
}

function readOrNothing(job: Job<unknown>, settings: Parameters<typeof readJob>[1]): ReadJob | undefined {
  try {
    return readJob(job, settings);
  } catch (error) {
    if (error instanceof UntrustedJob) return undefined;
    throw error;
  }
}
