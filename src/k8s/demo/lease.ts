import * as z from 'zod';
import { seconds } from '../../duration.js';
import { checked } from '../client/answers.js';
import type { Cluster } from '../client/cluster.js';
import { pathOf } from '../client/discovery.js';
import { ref, type NewObject, type Reference } from '../client/manifest.js';
import { read } from '../client/objects.js';
import { demoLabels } from './demo.js';

/* The Lease of a claim: who holds it, for whom, and whether that job is to stop. */

export const leaseMs = seconds(15);
export const renewEveryMs = seconds(2);
/** Shorter than the margin that is left after it, so that one unanswered request does not lose the claim. */
const renewalTimeoutMs = seconds(4);

/** Who waits for a job: a person, and the channel in which they gave the command. */
export interface Asker {
  userId: string;
  channelId: string;
}

/** Another job that holds the claim. */
export interface Holder {
  jobId: string;
  purpose: string;
  since: Date;
  /** Undefined if nobody asked for it, or it is not known. */
  asker?: Asker | undefined;
}

/** What a claim is on. Names of demos have no dots. */
export interface Claimed {
  demo: string;
  /** The namespace that has the claims. */
  namespace: string;
  /**
   * What is claimed, if not the right to write to the demo: verifying it, which may go on while others write, or giving
   * one to a person, whose ID in lower case stands in place of the demo.
   */
  right?: 'verify' | 'owner' | undefined;
}

export const leaseOf = ({ demo, namespace, right }: Claimed): Reference =>
  ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}${right ? `.${right}` : ''}`, namespace);

const leaseShape = z.looseObject({
  metadata: z.looseObject({
    uid: z.string(),
    resourceVersion: z.string(),
    annotations: z.partialRecord(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({
    holderIdentity: z.string(),
    acquireTime: z.iso.datetime(),
    leaseTransitions: z.number().default(0),
  }),
});
/** Whatever else is in it is written back with each renewal. */
export type Lease = z.output<typeof leaseShape>;

export const leaseIn = (answer: unknown, { metadata: { name, namespace } }: Reference): Lease =>
  checked(leaseShape, answer, `Lease ${namespace}/${name}`);

export async function readLease(host: Cluster, reference: Reference): Promise<Lease | undefined> {
  const present = await read(host, reference);
  return present && leaseIn(present, reference);
}

export async function putLease(host: Cluster, reference: Reference, body: object): Promise<Lease> {
  const path = await pathOf(host, reference);
  return leaseIn(await host.request({ method: 'PUT', path, body, withinMs: renewalTimeoutMs }), reference);
}

export function newLease(
  { apiVersion, kind, metadata: { name, namespace } }: Reference,
  { demo, jobId, asker }: { demo: string; jobId: string; asker?: Asker | undefined },
  holderIdentity: string,
  present: Lease | undefined,
): NewObject {
  const now = microTime();
  // The earlier run of this job may have been killed before it noticed that it was cancelled.
  const cancel = present && cancelledBy(present, jobId) && present.metadata.annotations[cancelAnnotation];
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: demoLabels(demo),
      annotations: {
        ...(cancel && { [cancelAnnotation]: cancel }),
        ...(asker && { [askerAnnotation]: `${asker.userId}/${asker.channelId}` }),
      },
      ...(present && { resourceVersion: present.metadata.resourceVersion }),
    },
    spec: {
      holderIdentity,
      leaseDurationSeconds: leaseMs / 1000,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: (present?.spec.leaseTransitions ?? 0) + 1,
    },
  };
}

/** On a Lease: who waits for its holder, as `<Slack ID>/<channel>`. */
const askerAnnotation = 'vcdemo.io/asker';

export function holderOf({ metadata, spec: { holderIdentity, acquireTime } }: Lease): Holder | undefined {
  const [purpose, jobId] = holderIdentity.split('/');
  const [userId, channelId] = metadata.annotations[askerAnnotation]?.split('/') ?? [];
  const asker = userId && channelId ? { userId, channelId } : undefined;
  return purpose && jobId ? { purpose, jobId, since: new Date(acquireTime), asker } : undefined;
}

/** On a Lease: the job that is to stop, and who wants that, as `<job>/<Slack ID>`. */
const cancelAnnotation = 'vcdemo.io/cancel';

export function cancelledBy({ metadata }: Lease, jobId: string): string | undefined {
  const [cancelled, by] = metadata.annotations[cancelAnnotation]?.split('/') ?? [];
  return cancelled === jobId ? by : undefined;
}

/** Leases require microseconds. */
const microTime = () => new Date().toISOString().replace('Z', '000Z');

/** The Lease, with the present as its last renewal. */
export const renewedNow = (of: Lease): Lease => ({ ...of, spec: { ...of.spec, renewTime: microTime() } });

/** The Lease, with the wish that its holder stops. */
export const withCancel = (of: Lease, { jobId }: Pick<Holder, 'jobId'>, by: string): Lease => ({
  ...of,
  metadata: { ...of.metadata, annotations: { ...of.metadata.annotations, [cancelAnnotation]: `${jobId}/${by}` } },
});
