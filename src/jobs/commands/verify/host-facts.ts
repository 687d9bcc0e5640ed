import type { V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import { seconds } from '../../../duration.js';
import { NotYet } from '../../../k8s/client/api-errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { dashboardReady } from '../../../k8s/virtual-cluster/dashboard.js';
import { virtualClusterNames, type VirtualClusterPlace } from '../../../k8s/demo/demo.js';
import { tryDemoKubeconfig } from '../../../k8s/credentials/demo-kubeconfig.js';
import { type VirtualClusters } from '../../../k8s/credentials/kubeconfig.js';
import { factOf, type Fact } from '../../../k8s/fact.js';
import { tagOf } from '../../../k8s/mesh/mesh-facts.js';
import { policiesThatCut, type NetworkPolicy, type PolicyPod } from '../../../k8s/workloads/network-policies.js';
import { list } from '../../../k8s/client/lists.js';
import { readMetadata, read } from '../../../k8s/client/objects.js';
import { ref } from '../../../k8s/client/manifest.js';
import { inClusterServer } from '../../../k8s/virtual-cluster/virtual-cluster.js';
import { placeOf } from '../../../k8s/demo/demo.js';
import { helloworldPort } from '../../../k8s/mesh/helloworld.js';
import type { DemoContext } from '../../context.js';
import type { ControlPlane, HostFacts } from './checks.js';

/* What the host cluster says of a demo's mesh: its addresses, its policies, and what else a demo has. */

const readWithinMs = seconds(5);

/** Reads everything, side by side, each in its own time. */
export async function readHostFacts(context: DemoContext, clusters: VirtualClusters): Promise<HostFacts> {
  const { host, config, demo, signal } = context;
  const fact = <Value>(look: (ended: AbortSignal) => Promise<Value>, lookMs = readWithinMs): Promise<Fact<Value>> =>
    factOf(lookMs * config.stepDeadlineFactor, signal, look);
  const each = async <Value>(
    look: (place: VirtualClusterPlace, ended: AbortSignal) => Promise<Value>,
  ): Promise<Record<string, Fact<Value>>> => {
    const facts = virtualClusterNames.map(
      async (name) => [name, await fact((ended) => look(placeOf(demo, name), ended))] as const,
    );
    return Object.fromEntries(await Promise.all(facts));
  };
  const [kubeconfig, addresses, cutBy, dashboards, controlPlanes] = await Promise.all([
    // Which waits for a route by itself.
    fact((ended) => tryDemoKubeconfig(host, config, demo, clusters, ended), 2 * readWithinMs),
    each((place, ended) => addressOf(host.with({ signal: ended }), place)),
    each((place, ended) => cuts(host.with({ signal: ended }), place, demo.places)),
    each(({ name }, ended) => dashboardReady(clusters[name].with({ signal: ended }))),
    each((place, ended) => readControlPlane(host.with({ signal: ended }), place)),
  ]);
  const apiAddresses = Object.fromEntries(Object.entries(addresses).map(([name, { value }]) => [name, value]));
  return { kubeconfig, apiAddresses, cutBy, dashboards, controlPlanes };
}

async function addressOf(host: Cluster, place: VirtualClusterPlace): Promise<string | undefined> {
  try {
    return await inClusterServer(host, place);
  } catch (error) {
    if (error instanceof NotYet) return undefined;
    throw error;
  }
}

/** The policies that cut requests from a place's sleep to helloworld in the other one, or from its istiod to the other API. */
async function cuts(
  host: Cluster,
  place: VirtualClusterPlace,
  places: readonly VirtualClusterPlace[],
): Promise<string[]> {
  const other = places.find(({ name }) => name !== place.name);
  if (!other) return [];
  const [sleep, helloworld, istiod, api, ...policies] = await Promise.all([
    podIn(host, place, { app: 'sleep', [virtualNamespace]: 'sample' }),
    podIn(host, other, { app: 'helloworld', [virtualNamespace]: 'sample' }),
    podIn(host, place, { app: 'istiod', [virtualNamespace]: 'istio-system' }),
    podIn(host, other, { app: 'vcluster', release: other.name }),
    ...[place, other].map(({ namespace }) =>
      list<NetworkPolicy>(host, 'networking.k8s.io/v1', 'NetworkPolicy', { namespace, atMost: 100 }),
    ),
  ]);
  const cutting = (from: PolicyPod | undefined, to: PolicyPod | undefined, port: number) =>
    from && to && policiesThatCut(policies.flat(), { from, to, port });
  const found = [cutting(sleep, helloworld, helloworldPort), cutting(istiod, api, controlPlanePort)].filter(
    (names) => names !== undefined,
  );
  if (found.length === 0) throw new Error('there is no pod of sleep or of helloworld');
  return [...new Set(found.flat())];
}

/** In which namespace of its virtual cluster a pod is. */
const virtualNamespace = 'vcluster.loft.sh/namespace';

/** As policies see it, behind its Service's port. */
const controlPlanePort = 8443;

/** A pod in the host cluster, or the host's copy of one. */
async function podIn(
  host: Cluster,
  { namespace }: VirtualClusterPlace,
  labels: Record<string, string>,
): Promise<PolicyPod | undefined> {
  const [pods, found] = await Promise.all([
    list<V1Pod>(host, 'v1', 'Pod', { namespace, labels, atMost: 20 }),
    readMetadata(host, ref('v1', 'Namespace', namespace)),
  ]);
  const pod = pods.find(({ status }) => status?.podIP);
  const ip = pod?.status?.podIP;
  if (!pod || !ip) return undefined;
  return { namespace, namespaceLabels: found?.metadata.labels ?? {}, labels: pod.metadata.labels, ip };
}

/** A StatefulSet or, without a volume, a Deployment; undefined if it is missing. */
async function readControlPlane(
  host: Cluster,
  { name, namespace }: VirtualClusterPlace,
): Promise<ControlPlane | undefined> {
  for (const kind of ['StatefulSet', 'Deployment']) {
    const found = await read<V1StatefulSet>(host, ref('apps/v1', kind, name, namespace));
    if (!found?.spec) continue;
    const images = found.spec.template.spec?.containers.map(({ image }) => image) ?? [];
    return {
      workload: `${kind} ${namespace}/${name}`,
      isStopped: found.spec.replicas === 0,
      vcluster: tagOf(images.find((image) => image?.includes('vcluster'))),
    };
  }
  return undefined;
}
