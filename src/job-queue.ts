import { createHash, randomBytes } from 'node:crypto';
import type { Job, JobsOptions, JobType, Queue } from 'bullmq';
import type { JobRequest } from './commands/job-payloads.js';
import { hours, minutes, seconds } from './duration.js';
import { messageOf } from './errors.js';
import type { SignedJob, Signatures } from './job-signature.js';
import { isAnswer, refusalOf } from './redis/answers.js';

/** A new job, with an id that says what it does and for which demo; the same `deliveryId` yields the same id. */
export function newJob({ name, payload }: JobRequest, deliveryId?: string): SignedJob {
  const demo = 'demo' in payload ? [payload.demo] : [];
  const suffix = deliveryId === undefined ? randomBytes(3).toString('hex') : jobSuffix(deliveryId);
  return { id: [name, ...demo, suffix].join('-'), name, payload, timestamp: Date.now() };
}

/** How the id of a job ends that a person asked for. */
export const jobSuffix = (deliveryId: string): string =>
  createHash('sha256').update(deliveryId).digest('hex').slice(0, 6);

/** Finished jobs are kept for a day, so that they can be looked up. */
const kept = { age: hours(24) / seconds(1), count: 1000 };

/** Jobs that count as one: the same id yields the existing job, within `ttlMs` or, without it, until that job has ended. */
interface Deduplication {
  id: string;
  ttlMs?: number;
}

/**
 * Puts a signed job on a queue. Putting a job on it twice has no effect, because its id is taken. A job whose timestamp is
 * in the future begins then: BullMQ counts its delay from there.
 */
export async function putOnQueue(
  queue: Queue,
  job: SignedJob,
  signatures: Signatures,
  once?: Deduplication,
): Promise<Job> {
  const add = () =>
    queue.add(
      job.name,
      { ...job.payload, signatures },
      {
        ...optionsOf(job),
        ...(job.timestamp > Date.now() && { delay: 1 }),
        ...(once && { deduplication: { id: once.id, ...(once.ttlMs && { ttl: once.ttlMs }) } }),
      },
    );
  const added = await add();
  if (once === undefined || added.id === job.id || !(await isForged(queue, job, once, added.id))) return added;
  await queue.removeDeduplicationKey(once.id);
  return await add();
}

/**
 * Whether what keeps a job off the queue was not written by `putOnQueue`: one write to Redis must not end the expiry of a
 * demo, or a person's command, for good.
 */
async function isForged(queue: Queue, { name }: SignedJob, { id, ttlMs }: Deduplication, by = ''): Promise<boolean> {
  const redis = await queue.backend.client;
  const lastsMs = Number(await redis.runCommand('pttl', [queue.toKey(`de:${id}`)]));
  if (lastsMs !== -1) return lastsMs > (ttlMs ?? 0) + clocksDifferMs;
  if (ttlMs !== undefined) return true;
  const job = await findJob(queue, by);
  return job?.name !== name || job.finishedOn !== undefined;
}

const clocksDifferMs = minutes(1);

/** Puts a running job back on its queue; adds it again if Redis has lost it, for example because Redis was flushed. */
export async function putBack(queue: Queue, job: Job<unknown>, token: string | undefined): Promise<void> {
  await job.moveToWait(token).catch(async (error: unknown) => {
    const { id, name, data, timestamp } = job;
    if (id === undefined || (await isKept(queue, id))) throw error;
    await queue.add(name, data, optionsOf({ id, name, timestamp }));
  });
}

const takenBackKey = (queue: Queue, id: string) => queue.toKey(`taken-back:${id}`);

/** Longer than between two looks of the bot after a command. */
const takenBackMs = minutes(10);

/**
 * Takes a waiting job off its queue, so that it is not missed; false if a worker was faster.
 * @throws UserError `redis-refuses`, for example because its memory is full
 */
export async function takeBack(queue: Queue, job: Job<unknown>): Promise<boolean> {
  try {
    const redis = await queue.backend.client;
    await redis.runCommand('set', [takenBackKey(queue, job.id ?? ''), '1', 'px', String(takenBackMs)]);
    await job.remove();
    return true;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) throw refusal;
    return false;
  }
}

/** Whether a job that Redis does not have was taken back. */
export async function isTakenBack(queue: Queue, id: string): Promise<boolean> {
  const redis = await queue.backend.client;
  return (await redis.runCommand('exists', [takenBackKey(queue, id)])) === 1;
}

/** Whether Redis still has the job. */
export const isKept = async (queue: Queue, id: string): Promise<boolean> => (await findJob(queue, id)) !== undefined;

/**
 * The jobs in these states, next first. What BullMQ has not written is left out: one entry of somebody else must not keep
 * people from everything that looks at the queue.
 */
export async function jobsIn(queue: Queue, states: JobType[], first: number, last: number): Promise<Job<unknown>[]> {
  return await jobsOf(queue, await queue.getRanges(states, first, last, true));
}

/** The same for jobs that were done, last first. */
export const doneJobs = async (queue: Queue, most: number): Promise<Job<unknown>[]> =>
  jobsOf(queue, await queue.getRanges(['completed'], 0, most - 1, false));

async function jobsOf(queue: Queue, ids: readonly string[]): Promise<Job<unknown>[]> {
  const found = await Promise.all(ids.map((id) => findJob(queue, id)));
  return found.filter((job) => job !== undefined);
}

/** The states that matter to somebody who watches a queue. */
const countedStates = ['waiting', 'active', 'prioritized', 'delayed', 'failed'] as const;

/** How many jobs a queue has, by state. */
export const countJobs = async (queue: Queue): Promise<{ queue: string; jobs: Record<string, number> }> => ({
  queue: queue.name,
  jobs: await queue.getJobCounts(...countedStates),
});

/** The job; undefined if Redis does not have it, or in a form that cannot be read. */
export async function findJob(queue: Queue, id: string): Promise<Job<unknown> | undefined> {
  try {
    return await queue.getJob(id);
  } catch (error) {
    const isNoHash = isAnswer(error) && messageOf(error).startsWith('WRONGTYPE');
    if (isNoHash || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** BullMQ takes jobs without a priority first. */
const lowestPriority = 1000;

const optionsOf = ({ id, name, timestamp }: Pick<SignedJob, 'id' | 'name' | 'timestamp'>): JobsOptions => ({
  jobId: id,
  timestamp,
  // A job does its own retries; a person decides whether to run it again.
  attempts: 1,
  // A person waits for a delete; expiry can wait.
  lifo: name === 'delete',
  // Nobody waits for a warm pair: everything else on its queue comes first.
  ...(name === 'warm' && { priority: lowestPriority }),
  removeOnComplete: kept,
  removeOnFail: kept,
});
