import { randomUUID } from 'node:crypto';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { isConflict, isOvertaken } from '../client/api-errors.js';
import { pause } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { Reference } from '../client/manifest.js';
import { create, remove } from '../client/objects.js';
import {
  cancelledBy,
  holderOf,
  leaseIn,
  leaseMs,
  leaseOf,
  newLease,
  putLease,
  readLease,
  renewedNow,
  renewEveryMs,
  type Asker,
  type Claimed,
  type Holder,
  type Lease,
} from './lease.js';

/*
 * At most one job at a time, across all workers, writes to a demo: it holds a Lease, renews it, and stops writing if it
 * could not renew it in time. A second Lease does the same for its verifies. As in client-go's leader election, from which the
 * times are taken, each worker trusts only its own clock: a Lease that changes has a living holder; one that stays unchanged
 * for its whole duration may be taken.
 * @see https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */

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

export interface ClaimRequest extends Claimed {
  host: Cluster;
  /** What the job does, for those who come too late: `create`. */
  purpose: string;
  /** The job; it waits for the Lease of its own interrupted run to expire. */
  jobId: string;
  /** For those who come too late. */
  asker?: Asker | undefined;
  signal: AbortSignal;
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
      const body = newLease(reference, request, identity, present);
      const taken = present ? await putLease(host, reference, body) : leaseIn(await create(host, body), reference);
      return hold(request, identity, taken);
    } catch (error) {
      if (!isConflict(error)) throw error; // a conflict: somebody else was faster; check again
    }
  }
}

export const isHolder = <Other extends object>(result: Other | Holder): result is Holder => 'jobId' in result;

function hold(request: ClaimRequest, identity: string, taken: Lease): Claim {
  const { host, jobId } = request;
  const reference = leaseOf(request);
  const place: OwnPlace = { host, reference, identity };
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

  const renewed = async (): Promise<Lease> => {
    try {
      return await putLease(host, reference, renewedNow(current));
    } catch (error) {
      // An earlier renewal whose answer was lost also causes a conflict: a Lease with our name is still ours. So does a
      // cancel, which is noticed here.
      if (!isOvertaken(error)) throw error;
      const own = await readOwn(place);
      noticeCancel(own);
      return await putLease(host, reference, renewedNow(own));
    }
  };
  const renew = async () => {
    if (lost.signal.aborted) return;
    const asked = performance.now();
    try {
      current = await renewed();
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
      if (!lost.signal.aborted) await removeOwn(place, current);
    },
  };
}

/** Where a run's own Lease is, and how it is known. */
interface OwnPlace {
  host: Cluster;
  reference: Reference;
  identity: string;
}

/** @throws ClaimLost if it is no longer this run's */
async function readOwn({ host, reference, identity }: OwnPlace): Promise<Lease> {
  const present = await readLease(host, reference);
  if (present?.spec.holderIdentity === identity) return present;
  throw new ClaimLost(present ? 'another worker has taken it' : 'its Lease was deleted');
}

/** Deletes this run's Lease, but not one that another run has taken. */
async function removeOwn(place: OwnPlace, current: Lease): Promise<void> {
  const removed = async ({ metadata: { uid, resourceVersion } }: Lease) =>
    await remove(place.host, place.reference, { uid, resourceVersion });
  try {
    await removed(current).catch(async (error: unknown) => {
      if (!isConflict(error)) throw error;
      await removed(await readOwn(place));
    });
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error;
  }
}
