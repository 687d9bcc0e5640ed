import type { V1Pod } from '@kubernetes/client-node';
import type { DemoConfig } from '../config.js';
import { seconds } from '../duration.js';
import { clip } from '../redact.js';
import { NotYet } from './api-errors.js';
import { lacks, unless, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import type { VirtualClusterName } from './demo.js';
import { execInPod } from './exec.js';
import { applyAll, list, missing, type Manifest } from './objects.js';
import { deploymentReady, podProblem } from './pods.js';

/*
 * Istio's sample: version v1 in vc1 and v2 in vc2, one Service in both, and a sleep pod to send requests from.
 * @see https://istio.io/latest/docs/setup/install/multicluster/verify/
 */

export const sampleNamespace = 'sample';

const versionIn: Record<VirtualClusterName, 'v1' | 'v2'> = { vc1: 'v1', vc2: 'v2' };

/** The namespace with injection on, the Service, this cluster's version and sleep. */
export function helloworldManifests(
  cluster: VirtualClusterName,
  { images, helloworld, sleep }: Pick<DemoConfig, 'images' | 'helloworld' | 'sleep'>,
): Manifest[] {
  const version = versionIn[cluster];
  const app = { app: 'helloworld' };
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
      spec: { ports: [{ port: 5000, name: 'http' }], selector: app },
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

/** Whether the pods are ready, with their sidecars, and everything is there. */
export async function checkHelloworld(cluster: Cluster, manifests: Manifest[]): Promise<Check> {
  for (const { kind, metadata } of manifests) {
    if (kind !== 'Deployment') continue;
    const ready = await deploymentReady(cluster, sampleNamespace, metadata.name);
    if (!ready.holds) return ready;
  }
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: sampleNamespace });
  const bare = pods.find((pod) => !hasSidecar(pod));
  if (bare) return lacks(`pod ${bare.metadata?.name} has no sidecar; it was created before istiod could inject one`);
  return unless(await missing(cluster, manifests));
}

/** Istio's sidecar is an init container that keeps running where Kubernetes can do that, else a container. */
function hasSidecar({ spec }: V1Pod): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === 'istio-proxy');
}

/** An Ingress in the host cluster for the Service that vcluster made there. */
export function helloworldIngressManifest(ingress: {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  host: string;
  service: string;
  className: string | undefined;
}): Manifest {
  const { name, namespace, labels, host, service, className } = ingress;
  const backend = { service: { name: service, port: { number: 5000 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace, labels },
    spec: {
      ...(className && { ingressClassName: className }),
      rules: [{ host, http: { paths: [{ path: '/hello', pathType: 'Prefix', backend }] } }],
    },
  };
}

// ------------------------------------------------------------------ hits

/** How a number of requests to helloworld were answered. */
export interface Hits {
  requests: number;
  /** Answers by version, such as `v1`. */
  versions: Record<string, number>;
  /** Answers by pod. */
  instances: Record<string, number>;
  /** What came instead of an answer, by message. */
  errors: Record<string, number>;
}

/** Eight requests at a time: enough that sixty requests take a second, few enough for one sidecar. */
const script = `
request() {
  answer=$(curl -sS --max-time 5 http://helloworld.${sampleNamespace}:5000/hello 2>&1) || answer="error: $answer"
  echo "$answer"
}
sent=0
while [ "$sent" -lt "$1" ]; do
  request &
  sent=$((sent + 1))
  [ $((sent % 8)) -ne 0 ] || wait
done
wait`;

/** Sends the requests from the sleep pod, in one exec, and counts who answered. */
export async function sendRequests(
  cluster: Cluster,
  requests: number,
  signal: AbortSignal,
  { stepDeadlineFactor }: Pick<DemoConfig, 'stepDeadlineFactor'> = { stepDeadlineFactor: 1 },
): Promise<Hits> {
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: sampleNamespace, labels: { app: 'sleep' } });
  const pod = pods.find((candidate) => podProblem(candidate) === undefined);
  if (!pod)
    throw new NotYet(`there is no ready sleep pod in ${cluster.name}${pods[0] ? `: ${podProblem(pods[0])}` : ''}`);
  const output = await execInPod(
    cluster,
    { namespace: sampleNamespace, pod: pod.metadata.name, container: 'sleep' },
    ['sh', '-c', script, 'requests', String(requests)],
    { withinMs: (seconds(30) + requests * 700) * stepDeadlineFactor, signal },
  );
  return countHits(output, requests);
}

/** The demo's administrator decides what the pods answer: so many different answers are told apart, and no more. */
const differentAnswers = 20;

/** Reads lines such as `Hello version: v1, instance: helloworld-v1-5486-7897x`; any other line is an error. */
export function countHits(output: string, requests: number): Hits {
  const hits: Hits = { requests, versions: {}, instances: {}, errors: {} };
  const count = (counts: Record<string, number>, key: string) => {
    const isKnown = Object.hasOwn(counts, key);
    const counted = isKnown || (Object.keys(counts).length < differentAnswers && key !== '__proto__') ? key : 'others';
    counts[counted] = (Object.hasOwn(counts, counted) ? counts[counted]! : 0) + 1;
  };
  // No more lines than requests were sent: what goes beyond is not an answer to any.
  const lines = output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, requests);
  for (const line of lines) {
    const [, version, instance] = /^Hello version: (\S{1,63}), instance: (\S{1,63})/.exec(line) ?? [];
    if (version && instance) {
      count(hits.versions, version);
      count(hits.instances, instance);
    } else count(hits.errors, clip(line.replace(/^error: /, ''), 200));
  }
  for (let lost = lines.length; lost < requests; lost++) count(hits.errors, 'no answer');
  return hits;
}
