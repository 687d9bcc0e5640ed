import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Redis is not believed: whatever can write there could command the workers in anybody's name. So the bot signs each job
 * for the host clusters that it is meant for. Each of them has a key of its own, made from the bot's, so that what one
 * cluster's workers know is worth nothing on another's queues.
 */

/** What is signed of a job; the payload as its schema gives it back, so that the fields have one order. */
export interface SignedJob {
  id: string;
  name: string;
  payload: object;
  /** When it was asked for, in milliseconds: a job that is put there again later is refused by its age. */
  timestamp: number;
}

/** By host cluster; with a name that none can have where there is just one. */
export type Signatures = Record<string, string>;

const labelOf = (hostCluster: string | undefined) => hostCluster ?? '-';

/**
 * The key of one host cluster's workers, in hex; the Helm chart makes the same.
 * @param hostCluster undefined where there is just one
 */
export const workerKey = (signingKey: string, hostCluster?: string): string =>
  createHash('sha256')
    .update(`vcdemo/${hostCluster ?? ''}/${signingKey}`)
    .digest('hex');

/** The signatures by which the workers of these host clusters know that the bot wants the job. */
export const signaturesFor = (
  job: SignedJob,
  signingKey: string,
  hostClusters: readonly (string | undefined)[],
): Signatures =>
  Object.fromEntries(hostClusters.map((each) => [labelOf(each), sign(job, workerKey(signingKey, each), each)]));

/** The signature of a worker for the queues of its own host cluster. */
export const ownSignature = (job: SignedJob, key: string, hostCluster: string | undefined): Signatures => ({
  [labelOf(hostCluster)]: sign(job, key, hostCluster),
});

/** Whether one of the keys has signed the job for this host cluster; two are valid while they are being replaced. */
export function isSigned(
  job: SignedJob,
  signatures: Signatures,
  keys: readonly string[],
  hostCluster: string | undefined,
): boolean {
  const given = Buffer.from(signatures[labelOf(hostCluster)] ?? '');
  return keys.some((key) => {
    const expected = Buffer.from(sign(job, key, hostCluster));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}

/** Base64url. The first field keeps the signature from being good for anything else that is ever signed with the key. */
function sign({ id, name, payload, timestamp }: SignedJob, key: string, hostCluster: string | undefined): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['vcdemo job', hostCluster ?? null, id, name, payload, timestamp]))
    .digest('base64url');
}
