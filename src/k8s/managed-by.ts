import { Refusal } from '../errors.js';
import { homeNamespace, type Cluster } from './cluster.js';
import type { Demo } from './demo.js';

/** The namespace that holds the claims on demos. */
export const claimNamespace = (host: Cluster): string => homeNamespace(host.access);

/** Whether this worker's claims protect the demo: everybody who writes to it must use claims in the same namespace. */
export const hasOwnClaims = (host: Cluster, demo: Demo): boolean =>
  demo.claimNamespace === undefined || demo.claimNamespace === claimNamespace(host);

/** @throws Refusal `managed-elsewhere` */
export function assertOwnClaims(host: Cluster, demo: Demo): void {
  if (hasOwnClaims(host, demo)) return;
  throw new Refusal(
    'managed-elsewhere',
    `Demo ${demo.name} is managed by another vcdemo installation: its workers keep their locks in namespace ${demo.claimNamespace}, these workers in ${claimNamespace(host)}.`,
    {
      hint: 'Ask the vcdemo operators: all workers of one host cluster must belong to the same Helm release, or use kubeconfigs with the same namespace.',
    },
  );
}
