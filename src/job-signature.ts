import { createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Redis is not believed: whatever can write there could command the workers in anybody's name. So the bot signs each job
 * with what it and the workers alone share, the token of the Slack app.
 */

/** What is signed of a job; the payload as its schema gives it back, so that the fields have one order. */
export interface SignedJob {
  id: string;
  name: string;
  payload: object;
  /** When it was asked for, in milliseconds: a job that is put there again later is refused by its age. */
  timestamp: number;
}

/** The data of a job as it is put on a queue. */
export const signedData = (token: string, job: SignedJob) => ({ ...job.payload, signature: signJob(token, job) });

/** The signature of a job, base64url. */
function signJob(token: string, { id, name, payload, timestamp }: SignedJob): string {
  return createHmac('sha256', token)
    .update(JSON.stringify([id, name, payload, timestamp]))
    .digest('base64url');
}

export function isSigned(token: string, job: SignedJob, signature: unknown): boolean {
  const [expected, given] = [signJob(token, job), typeof signature === 'string' ? signature : ''].map((text) =>
    Buffer.from(text),
  ) as [Buffer, Buffer];
  return expected.length === given.length && timingSafeEqual(expected, given);
}
