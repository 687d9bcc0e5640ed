import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/*
 * Redis is not trusted: anything that can write there could command the workers in anybody's name. So the bot signs each
 * job for the host clusters it is meant for. Each host cluster has its own key, derived from the bot's, so that what the
 * workers of one cluster know is worthless on the queues of another.
 */

/** The signed part of a job; the payload is the output of its schema, which fixes the order of its fields. */
export interface SignedJob {
  id: string;
  name: string;
  payload: object;
  /** When the command was sent, in milliseconds: a job that is replayed later is refused for its age. */
  timestamp: number;
}

/** By host cluster; if there is only one, under a name that no host cluster can have. */
export type Signatures = Record<string, string>;

const labelOf = (hostCluster: string | undefined) => hostCluster ?? '-';

/**
 * The key of one host cluster's workers, in hex; the Helm chart derives the same.
 * @param hostCluster undefined if there is only one
 */
export const workerKey = (signingKey: string, hostCluster?: string): string =>
  createHash('sha256')
    .update(`vcdemo/${hostCluster ?? ''}/${signingKey}`)
    .digest('hex');

/** The signatures that prove to the workers of these host clusters that the job comes from the bot. */
export const signaturesFor = (
  job: SignedJob,
  signingKey: string,
  hostClusters: readonly (string | undefined)[],
): Signatures =>
  Object.fromEntries(hostClusters.map((each) => [labelOf(each), sign(job, workerKey(signingKey, each), each)]));

/** A worker's signature for the queues of its own host cluster. */
export const ownSignature = (job: SignedJob, key: string, hostCluster: string | undefined): Signatures => ({
  [labelOf(hostCluster)]: sign(job, key, hostCluster),
});

/** Whether one of the keys signed the job for this host cluster; during a key rotation two keys are valid. */
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

/** Base64url. The first field makes the signature invalid for anything else that may be signed with the key. */
function sign({ id, name, payload, timestamp }: SignedJob, key: string, hostCluster: string | undefined): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['vcdemo job', hostCluster ?? null, id, name, payload, timestamp]))
    .digest('base64url');
}
