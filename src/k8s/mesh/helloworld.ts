import { isDeepStrictEqual } from 'node:util';
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import { lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { VirtualClusterName } from '../demo/demo.js';
import { applyAll, missing, read, readMetadata } from '../client/objects.js';
import type { Found } from '../client/answers.js';
import { list } from '../client/lists.js';
import { ref, type Manifest } from '../client/manifest.js';
import { deploymentReady } from '../workloads/pods.js';

/*
 * Istio's sample: version v1 in vc1 and v2 in vc2, one Service in both, and a sleep pod to send requests from.
 * @see https://istio.io/latest/docs/setup/install/multicluster/verify/
 */

export const sampleNamespace = 'sample';

/** The port of its Service. */
export const helloworldPort = 5000;

const app = { app: 'helloworld' } as const;

const versionIn: Record<VirtualClusterName, 'v1' | 'v2'> = { vc1: 'v1', vc2: 'v2' };

/** The namespace with injection enabled, the Service, this cluster's version and sleep. */
export function helloworldManifests(
  cluster: VirtualClusterName,
  { images, helloworld, sleep }: Pick<DemoConfig, 'images' | 'helloworld' | 'sleep'>,
): Manifest[] {
  const version = versionIn[cluster];
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: sampleNamespace, labels: { 'istio-injection': 'enabled' } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'helloworld', namespace: sampleNamespace, labels: { ...app, service: 'helloworld' } },
      spec: { ports: [{ port: helloworldPort, name: 'http' }], selector: app },
    },
    deployment(
      `helloworld-${version}`,
      { ...app, version },
      {
        name: 'helloworld',
        image: version === 'v1' ? images.helloworldV1 : images.helloworldV2,
        resources: helloworld.resources,
        ports: [{ containerPort: 5000 }],
      },
    ),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sleep', namespace: sampleNamespace } },
    deployment(
      'sleep',
      { app: 'sleep' },
      { name: 'sleep', image: images.sleep, command: ['/bin/sleep', 'infinity'], resources: sleep.resources },
      'sleep',
    ),
  ];
}

function deployment(
  name: string,
  labels: Record<string, string>,
  container: object,
  serviceAccountName?: string,
): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: sampleNamespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          ...(serviceAccountName && { serviceAccountName }),
          containers: [container],
        },
      },
    },
  };
}

export async function applyHelloworld(cluster: Cluster, manifests: Manifest[]): Promise<void> {
  await applyAll(cluster, manifests.slice(0, 1));
  await applyAll(cluster, manifests.slice(1));
}

/** Whether the pods are ready and have sidecars, and all objects exist. */
export async function checkHelloworld(cluster: Cluster, manifests: Manifest[]): Promise<Check> {
  for (const { kind, metadata } of manifests) {
    if (kind !== 'Deployment') continue;
    const ready = await deploymentReady(cluster, sampleNamespace, metadata.name);
    if (!ready.holds) return ready;
  }
  const namespace = await readMetadata(cluster, ref('v1', 'Namespace', sampleNamespace));
  if (namespace?.metadata.labels['istio-injection'] !== 'enabled')
    return lacks(`namespace ${sampleNamespace} is not labelled istio-injection=enabled`);
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: sampleNamespace });
  // What else is in the namespace is a tenant's, who may want it without a sidecar.
  const isOurs = ({ metadata }: Found<V1Pod>) => ['helloworld', 'sleep'].includes(metadata.labels.app ?? '');
  const bare = pods.find((pod) => isOurs(pod) && !hasSidecar(pod));
  if (bare) return lacks(`pod ${bare.metadata.name} has no sidecar; it was created before istiod could inject one`);
  return unless((await missing(cluster, manifests)) ?? (await changedService(cluster)));
}

/** How the Service was changed so that it leads nowhere; Deployments are left as tenants change them. */
async function changedService(cluster: Cluster): Promise<string | undefined> {
  const service = await read<V1Service>(cluster, ref('v1', 'Service', 'helloworld', sampleNamespace));
  if (!isDeepStrictEqual(service?.spec?.selector, app)) return 'the selector of the Service helloworld was changed';
  const hasPort = service?.spec?.ports?.some(({ port }) => port === helloworldPort);
  return hasPort ? undefined : `the Service helloworld has no port ${helloworldPort}`;
}

/** Istio's sidecar is an init container that keeps running if Kubernetes supports that, otherwise a container. */
function hasSidecar({ spec }: V1Pod): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === 'istio-proxy');
}

/** An Ingress in the host cluster for the Service that vcluster has synced there. */
export function helloworldIngressManifest(ingress: {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  hostname: string;
  service: string;
  className: string | undefined;
}): Manifest {
  const { name, namespace, labels, hostname, service, className } = ingress;
  const backend = { service: { name: service, port: { number: 5000 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace, labels },
    spec: {
      ...(className && { ingressClassName: className }),
      rules: [{ host: hostname, http: { paths: [{ path: '/hello', pathType: 'Prefix', backend }] } }],
    },
  };
}
