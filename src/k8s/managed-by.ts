import { Refusal } from '../errors.js';
import { homeNamespace, type Cluster } from './cluster.js';
import type { Demo } from './demo.js';

/** Where the claims on demos are kept. */
export const claimNamespace = (host: Cluster): string => homeNamespace(host.access);

/** Whether this worker's claims keep others from the demo: all who write to one must claim it in the same place. */
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
