import type { DemoConfig } from '../../config.js';
import { lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { applyAll, missingOrChanged, read, remove } from '../client/objects.js';
import { listMetadata } from '../client/lists.js';
import { ref, type Manifest, type Reference } from '../client/manifest.js';
import { apiServerEndpoints, networkPolicies } from './network.js';
import { quotaCounted, quotaManifests, retiredQuotas } from './quota.js';

/* The isolation of a demo's namespace from the rest of the host cluster: quota, limits and NetworkPolicies. */

export interface IsolationRequest {
  host: Cluster;
  demo: Demo;
  place: VirtualClusterPlace;
  config: DemoConfig;
  /** The worker's own namespace in this cluster; undefined if it runs elsewhere. */
  workerNamespace: string | undefined;
}

/** Whether everything matches the configuration, and nothing is left from an earlier configuration. */
export async function checkIsolation(request: IsolationRequest): Promise<Check> {
  const { host } = request;
  const policies = await policiesOf(request);
  const absent = await missingOrChanged(host, [...quotaManifests(request), ...policies]);
  if (absent !== undefined) return lacks(absent);
  const [retired] = await retiredObjects(request, policies);
  if (retired) return lacks(`${retired.kind} ${retired.metadata.name} still exists`);
  return await quotaCounted(host, request);
}

/**
 * Applies the isolation before anything else is created in the namespace, and waits until the quota is counted.
 * @throws UserError of `apiServerEndpoints`
 */
export async function applyIsolation(
  request: IsolationRequest,
  wait: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const { host } = request;
  const policies = await policiesOf(request);
  await applyAll(host, quotaManifests(request), 1);
  await applyAll(host, policies);
  for (const retired of await retiredObjects(request, policies)) await remove(host, retired);
  await waitUntil('the quota', () => quotaCounted(host, request), { ...wait, everyMs: 100 });
}

async function policiesOf(request: IsolationRequest): Promise<Manifest[]> {
  const apiServer = request.config.isolation.network === 'pair' ? await apiServerEndpoints(request.host) : [];
  return networkPolicies({ ...request, apiServer });
}

/** What an earlier create left here under other settings. */
async function retiredObjects(request: IsolationRequest, policies: readonly Manifest[]): Promise<Reference[]> {
  const { host, demo, place } = request;
  const quotas = retiredQuotas(request);
  const present = await Promise.all(quotas.map((quota) => read(host, quota)));
  const own = await listMetadata(host, 'networking.k8s.io/v1', 'NetworkPolicy', {
    namespace: place.namespace,
    labels: demoLabels(namespaceBase(demo)),
  });
  const wanted = policies.map(({ metadata }) => metadata.name);
  const stale = own.map(({ metadata }) => metadata.name).filter((name) => !wanted.includes(name));
  return [
    ...quotas.filter((_, index) => present[index] !== undefined),
    ...stale.map((name) => ref('networking.k8s.io/v1', 'NetworkPolicy', name, place.namespace)),
  ];
}
