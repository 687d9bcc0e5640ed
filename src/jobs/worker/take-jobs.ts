import type { Queue, QueueOptions } from 'bullmq';
import type { QueueKind } from '../../commands/payload.js';
import type { WorkerSettings } from '../../config.js';
import { seconds } from '../../duration.js';
import { isKept } from '../../job-queue.js';
import type { RedisLink } from '../../redis/link.js';
import { PatientWorker } from '../../redis/patient-worker.js';
import { performJob, reportAbandoned, type Workshop } from './perform-job.js';

/**
 * How often a job is started again after its worker died. A job that changes a demo is resumed, and gets further each time.
 * A read-only job is repeated once, because it may be what killed the worker.
 */
const mostStalls: Record<QueueKind, number> = { provisioning: 5, removal: 5, verification: 1 };

interface TakingParts {
  settings: WorkerSettings;
  workshop: Workshop;
  link: RedisLink;
  queueOptions: QueueOptions;
  /** Told the kind of each job that was done. */
  ended(name: string): Promise<void>;
}

/** Its type says that BullMQ may not give a signal. */
const neverLost = new AbortController().signal;

/** Takes the jobs of one queue, until it is closed. */
export function takeJobs(
  { kind, queue }: { kind: QueueKind; queue: Queue },
  { settings, workshop, link, queueOptions, ended }: TakingParts,
): PatientWorker<unknown> {
  /** Running jobs that Redis does not have any more; that is noticed at each renewal of the lock, and said once. */
  const lostJobs = new Set<string>();
  const worker = new PatientWorker<unknown>(
    queue.name,
    // Without a default: BullMQ gives the signal only to functions whose length says that they take it.
    (job, token, lost) =>
      performJob(job, token, lost ?? neverLost, workshop).finally(() => lostJobs.delete(job.id ?? '')),
    {
      ...queueOptions,
      concurrency: settings.WORKER_CONCURRENCY,
      // After this time the jobs of a killed worker continue on another.
      lockDuration: seconds(15),
      stalledInterval: seconds(5),
      maxStalledCount: mostStalls[kind],
    },
  );
  worker.on('error', link.note);
  const stopIfTaken = async (jobId: string) => {
    // Redis was unreachable for longer than the lock lasts: another run has the job, or will have it.
    if (await isKept(queue, jobId)) return void worker.cancelJob(jobId, 'the lock was lost');
    if (lostJobs.has(jobId)) return;
    lostJobs.add(jobId);
    workshop.log.warn({ jobId }, 'Redis has lost the job, perhaps because it was flushed; finishing it anyway');
  };
  worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((id) => void stopIfTaken(id).catch(link.note)));
  worker.on('failed', (job) => {
    if (job?.deferredFailure) reportAbandoned(job, workshop).catch(() => undefined); // it has logged the reason
  });
  worker.on('completed', ({ name }) => void ended(name).catch(link.note));
  worker.on('stalled', (jobId) => workshop.log.warn({ jobId }, 'job was interrupted; starting it again'));
  return worker;
}
