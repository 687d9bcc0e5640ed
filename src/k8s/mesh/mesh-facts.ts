import { createHash, type X509Certificate } from 'node:crypto';
import type { V1Deployment, V1Namespace, V1Pod, V1Service } from '@kubernetes/client-node';
import * as z from 'zod';
import { seconds } from '../../duration.js';
import { clip } from '../../redact.js';
import { lacks, type Check } from '../check.js';
import { factOf, together, turns, type Fact } from '../fact.js';
import type { Cluster } from '../client/cluster.js';
import { readMeshPeer, type MeshPeer } from './mesh-peer.js';
import {
  istiodPods,
  readProxies,
  readRemoteSecrets,
  readRemoteStates,
  type MeshProxy,
  type RemoteSecret,
} from './remote-clusters.js';
import { execInPod } from '../client/exec.js';
import { readMeshRules, type MeshRule } from './mesh-rules.js';
import { list } from '../client/lists.js';
import { read } from '../client/objects.js';
import { readMeshRoots, usesInstalledRoot } from './root-used.js';
import { ref } from '../client/manifest.js';
import { podProblem, podsReady } from '../workloads/pods.js';
import {
  adminUrl,
  certificateIn,
  endpointsIn,
  readySleepPod,
  type SidecarCertificate,
  transportIn,
  type SidecarEndpoint,
  type SidecarTransport,
} from './sidecar.js';

/*
 * What can be known of two clusters with one mesh from their APIs and one look into sleep's sidecar, for whoever judges
 * it. Nothing here knows a demo. No key and no token is kept.
 */

export interface MeshPod {
  name: string;
  app: string;
  version: string;
  labels: Readonly<Record<string, string>>;
  ip: string;
  hasSidecar: boolean;
  /** Tag of the sidecar's image. */
  sidecarVersion?: string | undefined;
  /** Why it is not ready. */
  problem?: string | undefined;
}

/** Where requests to helloworld go. */
export interface HelloworldService {
  selector: Readonly<Record<string, string>>;
  ports: readonly number[];
}

interface MeshAuthority {
  /** SHA-256 of the root certificate in Secret cacerts. */
  root: string;
  /** That of the root that istiod works with, if it is another one. */
  otherRoot?: string;
  rootEnds: Date;
  intermediateEnds: Date;
}

export interface ClusterFacts {
  name: string;
  api: Fact<true>;
  istiod: Fact<Check>;
  istiodVersion: Fact<string | undefined>;
  /** `v1.33.2` */
  kubernetes: Fact<string>;
  /** Whether pods of the namespace get sidecars. */
  injection: Fact<boolean>;
  pods: Fact<MeshPod[]>;
  /** The Service helloworld; undefined if it is missing. */
  service: Fact<HelloworldService | undefined>;
  authority: Fact<MeshAuthority>;
  remoteSecrets: Fact<RemoteSecret[]>;
  /** What istiod says of the clusters that it reads from: by cluster, such as `synced`. No evidence alone. */
  remoteStates: Fact<Record<string, string>>;
  rules: Fact<MeshRule[]>;
  sidecar: Fact<{
    endpoints: SidecarEndpoint[] | undefined;
    certificate: SidecarCertificate | undefined;
    transport?: SidecarTransport | undefined;
  }>;
  /** Whom a new connection from sleep reaches in the other cluster; undefined where helloworld is not ready there. */
  peer: Fact<MeshPeer | undefined>;
  /** What istiod has sent to its proxies. */
  proxies: Fact<MeshProxy[]>;
  /** Why an ingress gateway is not ready, by pod; undefined for one that is. */
  gateways: Fact<{ name: string; problem: string | undefined }[]>;
}

interface FactsRequest {
  cluster: Cluster;
  /** The other one, and the worker's own way to it. */
  other: Cluster;
  namespace: string;
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor?: number;
  /** What istiod calls the other cluster, if that is not its name here. */
  otherName?: Promise<string>;
  /** Its rules, if they are read already. */
  rules?: Promise<Fact<MeshRule[]>>;
}

/** How long reading an object or a few may take, and what needs a command in a pod. */
const quick = seconds(5);
const throughPod = seconds(10);

const readFact = <Value>(
  { cluster, signal, deadlineFactor = 1 }: Pick<FactsRequest, 'cluster' | 'signal' | 'deadlineFactor'>,
  withinMs: number,
  look: Look<Value>,
): Promise<Fact<Value>> =>
  factOf(withinMs * deadlineFactor, signal, (ended) => look(cluster.with({ signal: ended }), ended));

/** The rules alone, for whoever needs them before everything else is read. */
export const readRules = (request: Omit<FactsRequest, 'other'>): Promise<Fact<MeshRule[]>> =>
  readFact(request, quick, (cluster) => readMeshRules(cluster, request.namespace));

/** Reads something; the signal is that of its deadline, which the cluster's own requests have anyway. */
type Look<Value> = (cluster: Cluster, ended: AbortSignal) => Promise<Value>;

/** How many connections to an API this opens at most: each takes a handshake through a tunnel. */
const atOnce = 6;

/**
 * Reads everything, side by side; what cannot be read, or not in time, is told in its place. Where the API does not answer,
 * nothing else is asked for.
 */
export async function readClusterFacts(request: FactsRequest): Promise<ClusterFacts> {
  const { cluster: given, other, namespace, otherName = Promise.resolve(other.name) } = request;
  const api = await readFact(request, quick, readApi);
  const turn = turns(atOnce);
  const read = <Value>(withinMs: number, look: Look<Value>): Promise<Fact<Value>> =>
    api.problem === undefined
      ? turn(() => readFact(request, withinMs, look))
      : Promise.resolve({ problem: 'its API does not answer' });
  // What takes a command in a pod is begun first, because it takes longest.
  const facts = await together({
    sidecar: read(throughPod, (cluster, signal) => readSidecar(cluster, namespace, signal)),
    peer: read(throughPod, (cluster, signal) => readMeshPeer({ cluster, other, namespace, signal })),
    remoteStates: read(throughPod, async (cluster, signal) => {
      const states = await readRemoteStates(cluster, signal);
      const state = new Map(Object.entries(states)).get(await otherName);
      return state === undefined ? {} : { [other.name]: state };
    }),
    proxies: read(throughPod, readProxies),
    remoteSecrets: read(throughPod, async (cluster, signal) =>
      readRemoteSecrets(cluster, { other, otherName: await otherName, signal }),
    ),
    istiod: read(quick, istiodReady),
    istiodVersion: read(quick, readIstiodVersion),
    kubernetes: read(quick, readKubernetesVersion),
    injection: read(quick, (cluster) => readInjection(cluster, namespace)),
    pods: read(quick, (cluster) => readPods(cluster, namespace)),
    service: read(quick, (cluster) => readService(cluster, namespace)),
    authority: read(quick, readAuthority),
    gateways: read(quick, readGateways),
    rules: request.rules ?? read(quick, (cluster) => readMeshRules(cluster, namespace)),
  });
  return { name: given.name, api, ...facts };
}

/** Deployments of revisions have names of their own; all carry the same label. */
async function istiodReady(cluster: Cluster): Promise<Check> {
  const labels = { app: 'istiod' };
  const ready = await podsReady(cluster, 'istio-system', labels, 'istiod');
  if (ready.holds) return ready;
  const deployments = await list<V1Deployment>(cluster, 'apps/v1', 'Deployment', { namespace: 'istio-system', labels });
  const [first] = deployments;
  const isStopped = first !== undefined && deployments.every(({ spec }) => spec?.replicas === 0);
  return isStopped ? lacks(`Deployment istio-system/${first.metadata.name} is scaled to 0`) : ready;
}

async function readApi(cluster: Cluster): Promise<true> {
  await cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain', repeat: 'never' });
  return true;
}

async function readService(cluster: Cluster, namespace: string): Promise<HelloworldService | undefined> {
  const found = await read<V1Service>(cluster, ref('v1', 'Service', 'helloworld', namespace));
  if (!found) return undefined;
  const { selector = {}, ports = [] } = found.spec ?? {};
  return { selector, ports: ports.map(({ port }) => port) };
}

async function readKubernetesVersion(cluster: Cluster): Promise<string> {
  const { gitVersion } = z
    .object({ gitVersion: z.string() })
    .parse(await cluster.request({ method: 'GET', path: '/version', repeat: 'never' }));
  return clip(gitVersion, 60);
}

async function readIstiodVersion(cluster: Cluster): Promise<string | undefined> {
  const [pod] = await istiodPods(cluster);
  return tagOf(pod?.spec?.containers[0]?.image);
}

/** `1.31.0` of `docker.io/istio/pilot:1.31.0`; undefined of an image that is named by its digest alone. */
export const tagOf = (image = ''): string | undefined => /:([\w][\w.-]{0,127})(?:@sha256:[\da-f]+)?$/.exec(image)?.[1];

/** Of the pods with the label that Istio's ingress gateways have, and its east-west gateways. */
async function readGateways(cluster: Cluster): Promise<{ name: string; problem: string | undefined }[]> {
  const found = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'istio-system', atMost: 100 });
  return found
    .filter(({ metadata }) => /gateway$/.test(metadata.labels.istio ?? '') && !metadata.deletionTimestamp)
    .map((pod) => ({ name: pod.metadata.name, problem: podProblem(pod) }));
}

async function readInjection(cluster: Cluster, namespace: string): Promise<boolean> {
  const found = await read<V1Namespace>(cluster, ref('v1', 'Namespace', namespace));
  if (!found) throw new Error(`namespace ${namespace} is missing`);
  const { 'istio-injection': injection, 'istio.io/rev': revision } = found.metadata.labels;
  // Whatever it says comes before the revision.
  return injection === undefined ? revision !== undefined : injection === 'enabled';
}

async function readPods(cluster: Cluster, namespace: string): Promise<MeshPod[]> {
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, atMost: 200 });
  return pods
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map((pod) => {
      const { metadata, spec, status } = pod;
      const sidecar = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find(
        ({ name }) => name === 'istio-proxy',
      );
      return {
        name: metadata.name,
        app: metadata.labels.app ?? '',
        version: metadata.labels.version ?? '',
        labels: metadata.labels,
        ip: status?.podIP ?? '',
        hasSidecar: sidecar !== undefined,
        sidecarVersion: tagOf(sidecar?.image),
        problem: podProblem(pod),
      };
    });
}

async function readAuthority(cluster: Cluster): Promise<MeshAuthority> {
  const roots = await readMeshRoots(cluster);
  if (!roots) throw new Error('Secret istio-system/cacerts is missing, so istiod has a root of its own');
  const { installed, intermediate, used: [used] = [] } = roots;
  return {
    root: hashOf(installed),
    rootEnds: new Date(installed.validTo),
    intermediateEnds: new Date(intermediate.validTo),
    ...(used && !usesInstalledRoot(roots) && { otherRoot: hashOf(used) }),
  };
}

const hashOf = ({ raw }: X509Certificate) => createHash('sha256').update(raw).digest('hex');

// ------------------------------------------------------------------ the sidecar of sleep

async function readSidecar(cluster: Cluster, namespace: string, signal: AbortSignal) {
  const pod = await readySleepPod(cluster, namespace);
  const script = `
curl -s --max-time 3 ${adminUrl}/clusters | grep -F '|helloworld.${namespace}.svc.'
echo ---
curl -s --max-time 3 ${adminUrl}/certs
echo ---
curl -s --max-time 3 '${adminUrl}/config_dump?resource=dynamic_active_clusters&name_regex=outbound.5000..helloworld.${namespace}.svc.*'
exit 0`;
  const output = await execInPod(
    cluster,
    { namespace, pod: pod.metadata.name, container: 'sleep' },
    ['sh', '-c', script],
    { withinMs: seconds(8), signal, maxBytes: 300_000 },
  );
  const [clusters = '', certificates = '', dump = ''] = output.split('---\n');
  return {
    endpoints: endpointsIn(clusters),
    certificate: certificateIn(certificates),
    transport: transportIn(dump),
  };
}
