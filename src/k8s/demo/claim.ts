import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { isConflict, isNotFound } from '../client/api-errors.js';
import { lacks, lookFor, pause } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels } from './demo.js';
import { checked } from '../client/answers.js';
import { create, read, remove } from '../client/objects.js';
import { pathOf } from '../client/discovery.js';
import { ref, type NewObject, type Reference } from '../client/manifest.js';

/*
 * At most one job at a time, across all workers, writes to a demo: it holds a Lease, renews it, and stops writing if it
 * could not renew it in time. A second Lease does the same for its verifies. As in client-go's leader election, from which the times are taken, each worker trusts only
 * its own clock: a Lease that changes has a living holder; one that stays unchanged for its whole duration may be taken.
 * @see https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */

const leaseMs = seconds(15);
const renewEveryMs = seconds(2);
/** Shorter than the margin that is left after it, so that one unanswered request does not lose the claim. */
const renewalTimeoutMs = seconds(4);
/** A holder stops this long before others may take over. */
const marginMs = seconds(3);
const lookEveryMs = 500;
/** How long a job waits for its own earlier run to end; far longer than the Lease of an interrupted run lasts. */
const ownRunDeadlineMs = seconds(60);

/** The exclusive right to write to one demo. */
export interface Claim {
  /** Aborted when the claim is lost. */
  signal: AbortSignal;
  /** Aborted with `Cancelled` when somebody cancels the job, which still holds the claim, to record how far it got. */
  cancelled: AbortSignal;
  /** To be called before every write. @throws ClaimLost */
  assertHeld(): void;
  /** Lets other jobs have the demo; the second call does nothing. `signal` is not aborted. */
  release(): Promise<void>;
}

/** Who waits for a job: a person, and the channel in which they gave the command. */
export interface Asker {
  userId: string;
  channelId: string;
}

export interface ClaimRequest {
  host: Cluster;
  namespace: string;
  demo: string;
  /** What is claimed, if not the right to write to the demo: verifying it, which may go on while others write. */
  right?: 'verify' | undefined;
  /** What the job does, for those who come too late: `create`. */
  purpose: string;
  /** The job; it waits for the Lease of its own interrupted run to expire. */
  jobId: string;
  /** For those who come too late. */
  asker?: Asker | undefined;
  signal: AbortSignal;
}

/** Another job that holds the claim. */
export interface Holder {
  jobId: string;
  purpose: string;
  since: Date;
  /** Undefined if nobody asked for it, or it is not known. */
  asker?: Asker | undefined;
}

export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';

  constructor(why: string) {
    super(`The claim on the demo was lost: ${why}.`);
  }
}

/** Somebody wants the job to stop. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';

  constructor(
    /** The Slack ID of the person. */
    readonly by: string,
  ) {
    super('it was cancelled');
  }
}

/** Claims the demo, or says who holds it. This takes some seconds, because a holder is watched until it renews its Lease. */
export async function claimDemo(request: ClaimRequest): Promise<Claim | Holder> {
  const { host, purpose, jobId, signal } = request;
  // The last part tells two runs of one job apart.
  const identity = `${purpose}/${jobId}/${randomUUID().slice(0, 8)}`;
  const reference = leaseOf(request);
  const deadline = performance.now() + ownRunDeadlineMs;
  let seen: { version: string | undefined; since: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const present = await readLease(host, reference);
    const holder = present && holderOf(present);
    // A Lease with our name is ours: the answer to our write was lost.
    if (holder && present.spec.holderIdentity !== identity) {
      const version = present.metadata.resourceVersion;
      if (seen && seen.version !== version && holder.jobId !== jobId) return holder;
      if (!seen || seen.version !== version) seen = { version, since: performance.now() };
      const remaining = seen.since + leaseMs - performance.now();
      if (remaining > 0) {
        if (performance.now() > deadline)
          throw new Error(
            `An earlier run of this job is still working on demo ${request.demo}: it keeps renewing its Lease.`,
          );
        await pause(Math.min(remaining, lookEveryMs), signal);
        continue;
      }
    }
    try {
      const body = lease(reference, request, identity, present);
      const taken = present ? await put(host, reference, body) : await create(host, body);
      return hold(request, identity, leaseIn(taken, reference));
    } catch (error) {
      if (!isConflict(error)) throw error; // a conflict: somebody else was faster; check again
    }
  }
}

export const isHolder = <Other extends object>(result: Other | Holder): result is Holder => 'jobId' in result;

function hold(request: ClaimRequest, identity: string, taken: Lease): Claim {
  const { host, jobId } = request;
  const reference = leaseOf(request);
  const lost = new AbortController();
  const cancelled = new AbortController();
  const noticeCancel = (own: Lease) => {
    const by = cancelledBy(own, jobId);
    if (by !== undefined && !cancelled.signal.aborted) cancelled.abort(new Cancelled(by));
  };
  noticeCancel(taken);
  let current = taken;
  let problem = 'it could not be renewed in time';
  // This clock continues while the process is suspended, so a process that wakes up knows that its time is over.
  let validUntil = performance.now() + leaseMs - marginMs;
  const lose = (error: ClaimLost) => {
    timers.forEach(clearInterval);
    lost.abort(error);
  };
  const loseWhenLate = () => {
    if (!lost.signal.aborted && performance.now() > validUntil) lose(new ClaimLost(problem));
  };

  const readOwn = async () => {
    const present = await readLease(host, reference);
    if (present?.spec.holderIdentity === identity) return present;
    throw new ClaimLost(present ? 'another worker has taken it' : 'its Lease was deleted');
  };
  const renew = async () => {
    if (lost.signal.aborted) return;
    try {
      const asked = performance.now();
      const renewed = async (of: Lease) =>
        leaseIn(await put(host, reference, { ...of, spec: { ...of.spec, renewTime: microTime() } }), reference);
      try {
        current = await renewed(current);
      } catch (error) {
        // An earlier renewal whose answer was lost also causes a conflict: a Lease with our name is still ours. So does a
        // cancel, which is noticed here.
        if (!isConflict(error) && !isNotFound(error)) throw error;
        const own = await readOwn();
        noticeCancel(own);
        current = await renewed(own);
      }
      validUntil = asked + leaseMs - marginMs;
    } catch (error) {
      if (error instanceof ClaimLost) lose(error);
      else problem = `it could not be renewed in time: ${messageOf(error)}`;
    }
  };
  let renewing: Promise<void> | undefined;
  const timers = [
    setInterval(() => (renewing ??= renew().finally(() => (renewing = undefined))), renewEveryMs),
    // A renewal that hangs must not keep a step's tools running: their signal is aborted in time.
    setInterval(loseWhenLate, lookEveryMs),
  ];

  const removeOwn = async ({ metadata: { uid, resourceVersion } }: Lease) =>
    await remove(host, reference, { uid, resourceVersion });
  let isReleased = false;
  return {
    signal: lost.signal,
    cancelled: cancelled.signal,
    assertHeld() {
      if (isReleased) throw new ClaimLost('it has been released');
      loseWhenLate();
      lost.signal.throwIfAborted();
    },
    async release() {
      if (isReleased) return;
      isReleased = true;
      timers.forEach(clearInterval);
      await renewing;
      if (lost.signal.aborted) return;
      try {
        await removeOwn(current).catch(async (error: unknown) => {
          if (!isConflict(error)) throw error;
          await removeOwn(await readOwn());
        });
      } catch (error) {
        if (!(error instanceof ClaimLost)) throw error; // taken by another run: not ours to delete
      }
    },
  };
}

/** What a claim is on. Names of demos have no dots. */
type Claimed = Pick<ClaimRequest, 'demo' | 'namespace' | 'right'>;

const leaseOf = ({ demo, namespace, right }: Claimed): Reference =>
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
type Lease = z.output<typeof leaseShape>;

const leaseIn = (answer: unknown, { metadata: { name, namespace } }: Reference): Lease =>
  checked(leaseShape, answer, `Lease ${namespace}/${name}`);

async function readLease(host: Cluster, reference: Reference): Promise<Lease | undefined> {
  const present = await read(host, reference);
  return present && leaseIn(present, reference);
}

const put = async (host: Cluster, reference: Reference, body: object): Promise<unknown> =>
  await host.request({ method: 'PUT', path: await pathOf(host, reference), body, withinMs: renewalTimeoutMs });

function lease(
  { apiVersion, kind, metadata: { name, namespace } }: Reference,
  { demo, jobId, asker }: ClaimRequest,
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

function holderOf({ metadata, spec: { holderIdentity, acquireTime } }: Lease): Holder | undefined {
  const [purpose, jobId] = holderIdentity.split('/');
  const [userId, channelId] = metadata.annotations[askerAnnotation]?.split('/') ?? [];
  const asker = userId && channelId ? { userId, channelId } : undefined;
  return purpose && jobId ? { purpose, jobId, since: new Date(acquireTime), asker } : undefined;
}

/** Deletes what a killed verify has left of a demo that is being deleted. */
export const dropVerifyClaim = (host: Cluster, namespace: string, demo: string): Promise<void> =>
  remove(host, leaseOf({ demo, namespace, right: 'verify' }));

// ------------------------------------------------------------------ cancelling

/** On a Lease: the job that is to stop, and who wants that, as `<job>/<Slack ID>`. */
const cancelAnnotation = 'vcdemo.io/cancel';

function cancelledBy({ metadata }: Lease, jobId: string): string | undefined {
  const [cancelled, by] = metadata.annotations[cancelAnnotation]?.split('/') ?? [];
  return cancelled === jobId ? by : undefined;
}

/**
 * Cancels the job that holds the claim, if there is one and it may be; the job notices at its next renewal. Returns the job
 * that holds the claim.
 */
export async function cancelHolder(
  { host, demo, namespace, by }: Pick<ClaimRequest, 'host' | 'demo' | 'namespace'> & { by: string },
  mayCancel: (holder: Holder) => boolean,
): Promise<Holder | undefined> {
  const reference = leaseOf({ demo, namespace });
  for (let attempt = 1; ; attempt++) {
    const present = await readLease(host, reference);
    const holder = present && holderOf(present);
    if (!holder || !mayCancel(holder)) return holder;
    const annotations = { ...present.metadata.annotations, [cancelAnnotation]: `${holder.jobId}/${by}` };
    try {
      await put(host, reference, { ...present, metadata: { ...present.metadata, annotations } });
      return holder;
    } catch (error) {
      // The holder has just renewed or released it: look again.
      if (!(isConflict(error) || isNotFound(error)) || attempt === 10) throw error;
    }
  }
}

/** The job that holds the claim, whether or not its worker is alive. */
export async function holderNow(
  host: Cluster,
  namespace: string,
  demo: string,
  right?: ClaimRequest['right'],
): Promise<Holder | undefined> {
  const present = await readLease(host, leaseOf({ demo, namespace, right }));
  return present && holderOf(present);
}

/** Who is working on the demo now, if anybody: the Lease of a dead worker is no longer renewed. */
export async function currentHolder(
  host: Cluster,
  namespace: string,
  demo: string,
  signal: AbortSignal,
): Promise<Holder | undefined> {
  const reference = leaseOf({ demo, namespace });
  const first = await readLease(host, reference);
  if (!first) return undefined;
  const look = async () => {
    const present = await readLease(host, reference);
    return present?.metadata.resourceVersion === first.metadata.resourceVersion
      ? lacks('its Lease was not renewed')
      : ({ holds: true, holder: present && holderOf(present) } as const);
  };
  const result = await lookFor(look, { withinMs: 3 * renewEveryMs, signal, everyMs: lookEveryMs });
  return result.holds ? result.holder : undefined;
}

/** Leases require microseconds. */
const microTime = () => new Date().toISOString().replace('Z', '000Z');
