import type { Job } from 'bullmq';
import * as z from 'zod';
import { isJobName, jobs, type JobName, type JobPayload } from '../../commands/job-payloads.js';
import type { WorkerSettings } from '../../config.js';
import { hours } from '../../duration.js';
import { isSigned, type Signatures } from '../../job-signature.js';

/** A job with a valid signature. */
export interface ReadJob<Name extends JobName = JobName> {
  id: string;
  name: Name;
  payload: JobPayload<Name>;
  askedAt: Date;
  signatures: Signatures;
}

/** Nothing in such a job is trusted. Nobody is told, because even the requester may be forged. */
export class UntrustedJob extends Error {
  override readonly name = 'UntrustedJob';
}

/** Jobs wait for workers, but not for days: by then, they may not be wanted any more. */
export const oldestJobMs = hours(24);
/** Whoever puts old jobs back on a queue can have people told about them, but not for ever. */
const oldestToldMs = hours(24 * 7);

/** A job with a valid signature that has waited for too long. */
export class OutdatedJob extends UntrustedJob {
  constructor(readonly job: ReadJob) {
    super('it is more than a day old');
  }
}

const envelope = z.looseObject({ signatures: z.record(z.string().max(40), z.string().max(100)) });

/**
 * Reads a job from Redis.
 * @throws OutdatedJob of which people should hear; UntrustedJob with the reason, which contains nothing from the job
 */
export function readJob(
  { id, name, data, timestamp }: Pick<Job<unknown>, 'id' | 'name' | 'data' | 'timestamp'>,
  { JOB_KEYS, HOST_CLUSTER }: Pick<WorkerSettings, 'JOB_KEYS' | 'HOST_CLUSTER'>,
): ReadJob {
  if (id === undefined || !isJobName(name)) throw new UntrustedJob('its name is unknown');
  const outer = envelope.safeParse(data);
  if (!outer.success) throw new UntrustedJob('it is not signed');
  const { signatures, ...rest } = outer.data;
  const payload = jobs[name].payload.safeParse(rest);
  if (!payload.success) throw new UntrustedJob('its payload is malformed');
  if (!isSigned({ id, name, payload: payload.data, timestamp }, signatures, JOB_KEYS, HOST_CLUSTER))
    throw new UntrustedJob('its signature is invalid; do the keys of the bot and the workers match?');
  const job = { id, name, payload: payload.data, askedAt: new Date(timestamp), signatures };
  const age = Date.now() - timestamp;
  if (age > oldestToldMs) throw new UntrustedJob('it is more than a week old');
  if (age > oldestJobMs) throw new OutdatedJob(job);
  return job;
}
