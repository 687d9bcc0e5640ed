import type { V1ResourceQuota } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { read } from '../client/objects.js';
import { ref, type Manifest, type Reference } from '../client/manifest.js';

/* How much of the host cluster a virtual cluster may use. */

const name = 'vcdemo';

interface QuotaRequest {
  demo: Demo;
  place: VirtualClusterPlace;
  config: Pick<DemoConfig, 'isolation'>;
}

/** The LimitRange comes before the ResourceQuota: without its defaults, the quota keeps out even the control plane. */
export function quotaManifests({ demo, place, config }: QuotaRequest): Manifest[] {
  const { limits, quota } = config.isolation;
  const own = (kind: string, spec: object): Manifest => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: place.namespace, labels: demoLabels(namespaceBase(demo), place.name) },
    spec,
  });
  return [
    ...(limits === 'off' ? [] : [own('LimitRange', { limits: [{ type: 'Container', ...limits }] })]),
    ...(quota === 'off' ? [] : [own('ResourceQuota', { hard: quota })]),
  ];
}

/** What an earlier create may have created but the configuration no longer wants; the quota first. */
export function retiredQuotas({ place, config }: QuotaRequest): Reference[] {
  const { limits, quota } = config.isolation;
  const retired = [...(quota === 'off' ? ['ResourceQuota'] : []), ...(limits === 'off' ? ['LimitRange'] : [])];
  return retired.map((kind) => ref('v1', kind, name, place.namespace));
}

/**
 * Whether the quota controller has counted: until then, the API server refuses everything that the quota limits, with
 * `status unknown for quota`.
 */
export async function quotaCounted(host: Cluster, { place, config }: QuotaRequest): Promise<Check> {
  if (config.isolation.quota === 'off') return holds;
  const quota = await read<V1ResourceQuota>(host, ref('v1', 'ResourceQuota', name, place.namespace));
  const counted = quota?.status?.hard ?? {};
  return Object.entries(quota?.spec?.hard ?? { nothing: '' }).every(([key, amount]) => counted[key] === amount)
    ? holds
    : lacks("Kubernetes has not computed the usage of the namespace's quota yet");
}
