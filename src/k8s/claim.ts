import type { V1Lease } from '@kubernetes/client-node';
import { seconds } from '../duration.js';
import { messageOf } from '../errors.js';
import { isConflict } from './api-errors.js';
import { pause } from './check.js';
import type { Cluster } from './cluster.js';
import { demoLabels } from './demo.js';
import { create, pathOf, read, ref, remove } from './objects.js';

/*
 * At most one job writes to a demo at a time, across workers: it holds a Lease, renews it, and stops writing when it
 * could not renew in time. As in client-go's leader election nobody's clock but one's own is trusted: a Lease may be
 * taken when it was seen unchanged for its whole duration.
 * @see https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
 */

const leaseMs = seconds(15);
const renewEveryMs = seconds(4);
/** A holder stops this long before others may take over. */
const marginMs = seconds(3);
/** How long a job waits for the end of its own earlier run; far longer than one that was cut off keeps its Lease. */
const ownRunDeadlineMs = seconds(60);

/** The sole right to write to one demo. */
export interface Claim {
  /** Aborted when the claim is lost. */
  signal: AbortSignal;
  /** @throws ClaimLost: to be called before every write. */
  assertHeld(): void;
  release(): Promise<void>;
}

export interface ClaimRequest {
  host: Cluster;
  namespace: string;
  demo: string;
  /** What is being done, for those who come too late: `create`. */
  purpose: string;
  /** The job; its own earlier run, cut off, is waited for until its Lease ends. */
  jobId: string;
  signal: AbortSignal;
}

/** Another job has the demo. */
export interface Holder {
  jobId: string;
  purpose: string;
  since: Date;
}

export class ClaimLost extends Error {
  override readonly name = 'ClaimLost';
}

/** Claims the demo, or says who has it. */
export async function claimDemo(request: ClaimRequest): Promise<Claim | Holder> {
  const { host, namespace, demo, purpose, jobId, signal } = request;
  const reference = ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}`, namespace);
  const deadline = performance.now() + ownRunDeadlineMs;
  let seen: { version: string | undefined; since: number } | undefined;
  for (;;) {
    const present = await read<V1Lease>(host, reference);
    const holder = present && holderOf(present);
    if (present && holder) {
      const version = present.metadata?.resourceVersion;
      const isRenewed = seen !== undefined && seen.version !== version;
      if (seen === undefined || isRenewed) seen = { version, since: performance.now() };
      if (holder.jobId !== jobId && (isRenewed || endOf(present) > Date.now())) return holder;
      const remaining = seen.since + leaseMs - performance.now();
      if (remaining > 0) {
        if (performance.now() > deadline)
          throw new Error(
            `An earlier run of this job still works on demo ${demo}: its Lease is renewed again and again.`,
          );
        await pause(Math.min(remaining, 500), signal);
        continue;
      }
    }
    try {
      const path = await pathOf(host, reference);
      const body = lease(reference.metadata, demo, { jobId, purpose }, present);
      const taken = present
        ? await host.request<V1Lease>({ method: 'PUT', path, body })
        : await create<V1Lease>(host, body as never);
      return hold(host, reference, taken);
    } catch (error) {
      if (!isConflict(error)) throw error; // a conflict: somebody else was faster; look again
    }
  }
}

export const isHolder = (result: Claim | Holder): result is Holder => 'jobId' in result;

function hold(host: Cluster, reference: ReturnType<typeof ref>, taken: V1Lease): Claim {
  const lost = new AbortController();
  let current = taken;
  // A clock that goes on while the process is stopped, so that it knows on waking up that its time is over.
  let validUntil = performance.now() + leaseMs - marginMs;
  const lose = (why: string) => lost.abort(new ClaimLost(`The claim on the demo was lost: ${why}`));
  const assertHeld = () => {
    if (!lost.signal.aborted && performance.now() > validUntil) lose('it could not be renewed in time');
    lost.signal.throwIfAborted();
  };
  const renew = async () => {
    try {
      assertHeld();
      const asked = performance.now();
      const body = { ...current, spec: { ...current.spec, renewTime: microTime() } };
      current = await host.request<V1Lease>({ method: 'PUT', path: await pathOf(host, reference), body });
      validUntil = asked + leaseMs - marginMs;
    } catch (error) {
      if (isConflict(error)) lose('another worker has taken it');
      else if (performance.now() > validUntil) lose(messageOf(error));
    }
  };
  let renewing = Promise.resolve();
  const timers = [
    setInterval(() => (renewing = renewing.then(renew)), renewEveryMs),
    // A renewal that hangs must not keep the tools of a step running: their signal is aborted in time.
    setInterval(() => performance.now() > validUntil && lose('it could not be renewed in time'), 500),
  ];
  return {
    signal: lost.signal,
    assertHeld,
    async release() {
      timers.forEach(clearInterval);
      await renewing;
      if (lost.signal.aborted) return;
      const { uid, resourceVersion } = current.metadata!;
      await remove(host, reference, { uid, resourceVersion }).catch((error: unknown) => {
        if (!isConflict(error)) throw error; // taken by another: not ours to remove
      });
    },
  };
}

function lease(
  { name, namespace }: { name?: string | undefined; namespace?: string | undefined },
  demo: string,
  { jobId, purpose }: { jobId: string; purpose: string },
  present: V1Lease | undefined,
) {
  const now = microTime();
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels: demoLabels(demo), resourceVersion: present?.metadata?.resourceVersion },
    spec: {
      holderIdentity: `${purpose}/${jobId}`,
      leaseDurationSeconds: leaseMs / 1000,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: (present?.spec?.leaseTransitions ?? 0) + 1,
    },
  };
}

function holderOf({ spec }: V1Lease): Holder | undefined {
  const [purpose, jobId] = spec?.holderIdentity?.split('/') ?? [];
  return purpose && jobId ? { purpose, jobId, since: new Date(spec?.acquireTime as unknown as string) } : undefined;
}

/** Who works on the demo at this moment, if anybody. */
export async function currentHolder(host: Cluster, namespace: string, demo: string): Promise<Holder | undefined> {
  const present = await read<V1Lease>(host, ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}`, namespace));
  return present && endOf(present) > Date.now() ? holderOf(present) : undefined;
}

function endOf({ spec }: V1Lease): number {
  return Date.parse(String(spec?.renewTime)) + (spec?.leaseDurationSeconds ?? 0) * 1000;
}

/** Leases want microseconds. */
const microTime = () => new Date().toISOString().replace('Z', '000Z');
