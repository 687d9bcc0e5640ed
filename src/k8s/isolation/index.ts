import type { DemoConfig } from '../../config.js';
import { UserError } from '../../errors.js';
import { capitalised } from '../../text.js';
import { lacks, lookFor, waitUntil, type Check, type Lacking } from '../check.js';
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
  const known = await policiesOf(request);
  if (!known.holds) return known;
  const { policies } = known;
  const absent = await missingOrChanged(host, [...quotaManifests(request), ...policies]);
  if (absent !== undefined) return lacks(absent);
  const [retired] = await retiredObjects(request, policies);
  if (retired) return lacks(`${retired.kind} ${retired.metadata.name} still exists`);
  return await quotaCounted(host, request);
}

/**
 * Applies the isolation before anything else is created in the namespace, and waits until the quota is counted.
 * @throws UserError `no-api-server-endpoints`
 */
export async function applyIsolation(
  request: IsolationRequest,
  wait: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const { host } = request;
  const known = await lookFor(() => policiesOf(request), wait);
  if (!known.holds)
    throw new UserError('no-api-server-endpoints', `${capitalised(known.seen)}.`, {
      hint: 'The control plane would be cut off from it. Set isolation.network to `document`, then run the command again.',
    });
  const { policies } = known;
  await applyAll(host, quotaManifests(request), 1);
  await applyAll(host, policies);
  for (const retired of await retiredObjects(request, policies)) await remove(host, retired);
  await waitUntil('the quota', () => quotaCounted(host, request), { ...wait, everyMs: 100 });
}

/** Its NetworkPolicies, which need the addresses of the host's API server. */
async function policiesOf(request: IsolationRequest): Promise<{ holds: true; policies: Manifest[] } | Lacking> {
  const needsAddresses = request.config.isolation.network === 'pair';
  const apiServer = needsAddresses ? await apiServerEndpoints(request.host) : [];
  return needsAddresses && apiServer.length === 0
    ? lacks(
        'the host cluster does not say where its API server listens: EndpointSlice default/kubernetes has no addresses',
      )
    : { holds: true, policies: networkPolicies({ ...request, apiServer }) };
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
