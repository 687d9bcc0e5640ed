import { Refusal } from '../../errors.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';

/*
 * Which installation of vcdemo manages a demo: the one whose workers keep its Lease and its record in their namespace.
 */

/** The namespace that holds the claims on demos. */
export const claimNamespace = (host: Cluster): string => homeNamespace(host.access);

/** What is wrong with a demo of another installation, as the end of a sentence. */
export const elsewhere = (namespace: string): string =>
  `it is managed by another vcdemo installation, in namespace ${namespace}`;

/** Refuses a demo whose workers keep its Lease and record in another namespace: a Lease here would keep nobody away. */
export function managedElsewhere(host: Cluster, demo: string, namespace: string): Refusal {
  return new Refusal(
    'managed-elsewhere',
    `Demo ${demo} is managed by another vcdemo installation: its workers use namespace ${namespace} for claims and records; these workers use ${claimNamespace(host)}.`,
    {
      hint: 'Ask the vcdemo operators: all workers of one host cluster must belong to the same Helm release, or use kubeconfigs with the same namespace.',
    },
  );
}
