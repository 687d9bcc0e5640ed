import { isOvertaken } from '../client/api-errors.js';
import { lacks, lookFor } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { remove } from '../client/objects.js';
import {
  holderOf,
  leaseOf,
  putLease,
  readLease,
  renewEveryMs,
  withCancel,
  type Claimed,
  type Holder,
} from './lease.js';

/* Who holds the claim on a demo, for those who do not; and how they make it stop. */

/**
 * Cancels the job that holds the claim, if there is one and it may be; the job notices at its next renewal. Returns the job
 * that holds the claim.
 */
export async function cancelHolder(
  { host, demo, namespace, by }: Omit<Claimed, 'right'> & { host: Cluster; by: string },
  mayCancel: (holder: Holder) => boolean,
): Promise<Holder | undefined> {
  const reference = leaseOf({ demo, namespace });
  for (let attempt = 1; ; attempt++) {
    const present = await readLease(host, reference);
    const holder = present && holderOf(present);
    if (!holder || !mayCancel(holder)) return holder;
    try {
      await putLease(host, reference, withCancel(present, holder, by));
      return holder;
    } catch (error) {
      // The holder has just renewed or released it: look again.
      if (!isOvertaken(error) || attempt === 10) throw error;
    }
  }
}

/** The job that holds the claim, whether or not its worker is alive. */
export async function holderNow(
  host: Cluster,
  namespace: string,
  demo: string,
  right?: Claimed['right'],
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
  const result = await lookFor(look, { withinMs: 3 * renewEveryMs, signal, everyMs: 500 });
  return result.holds ? result.holder : undefined;
}

/** Deletes what a killed verify has left of a demo that is being deleted. */
export const dropVerifyClaim = (host: Cluster, namespace: string, demo: string): Promise<void> =>
  remove(host, leaseOf({ demo, namespace, right: 'verify' }));
