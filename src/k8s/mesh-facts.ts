import { createHash, X509Certificate } from 'node:crypto';
import type { V1Namespace, V1Pod, V1Secret, V1Service } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { z } from 'zod';
import { seconds } from '../duration.js';
import { messageOf } from '../errors.js';
import { clip } from '../redact.js';
import { accessWith } from './server-access.js';
import type { Check } from './check.js';
import { connectCluster, type Cluster } from './cluster.js';
import { execInPod } from './exec.js';
import { readMeshRules, type MeshRule } from './mesh-rules.js';
import { list, read, readSecret, ref, textsIn } from './objects.js';
import { podProblem, podsReady } from './pods.js';
import {
  adminUrl,
  certificateIn,
  endpointsIn,
  readySleepPod,
  type SidecarCertificate,
  type SidecarEndpoint,
} from './sidecar.js';

/*
 * What can be known of two clusters with one mesh from their APIs and one look into sleep's sidecar, for whoever judges
 * it. Nothing here knows a demo. No key and no token is kept.
 */

/** What was read, or why it was not. */
export type Fact<Value> = { value: Value; problem?: undefined } | { value?: undefined; problem: string };

export interface MeshPod {
  name: string;
  app: string;
  version: string;
  ip: string;
  hasSidecar: boolean;
  /** Tag of the sidecar's image. */
  sidecarVersion?: string | undefined;
  /** Why it is not ready. */
  problem?: string | undefined;
}

export interface MeshAuthority {
  /** SHA-256 of the root certificate. */
  root: string;
  rootEnds: Date;
  intermediateEnds: Date;
}

/** A remote secret, by which istiod reads from another cluster. */
export interface RemoteSecret {
  /** As istiod calls the other cluster. */
  cluster: string;
  server: string;
  /** Whether its CA is the one of the other cluster's API. */
  isAuthority: boolean;
  /** Why the other cluster's API does not take its token; undefined where it does. */
  refused?: string | undefined;
}

export interface ClusterFacts {
  name: string;
  api: Fact<true>;
  istiod: Fact<Check>;
  istiodVersion: Fact<string | undefined>;
  /** Whether pods of the namespace get sidecars. */
  injection: Fact<boolean>;
  pods: Fact<MeshPod[]>;
  /** Whether the Service helloworld is there. */
  service: Fact<boolean>;
  authority: Fact<MeshAuthority>;
  remoteSecrets: Fact<RemoteSecret[]>;
  /** What istiod says of the clusters that it reads from: by cluster, such as `synced`. No evidence alone. */
  remoteStates: Fact<Record<string, string>>;
  rules: Fact<MeshRule[]>;
  sidecar: Fact<{ endpoints: SidecarEndpoint[] | undefined; certificate: SidecarCertificate | undefined }>;
}

export interface FactsRequest {
  cluster: Cluster;
  /** The other one, and the worker's own way to it. */
  other: Cluster;
  namespace: string;
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor?: number;
}

/** Reads something; the signal is that of its deadline, which the cluster's own requests have anyway. */
type Look<Value> = (cluster: Cluster, ended: AbortSignal) => Promise<Value>;

/** How many connections to an API this opens at most: each takes a handshake through a tunnel. */
const atOnce = 4;

/**
 * Reads everything, side by side; what cannot be read, or not in time, is told in its place. Where the API does not answer,
 * nothing else is asked for.
 */
export async function readClusterFacts(request: FactsRequest): Promise<ClusterFacts> {
  const { cluster: given, other, namespace, signal, deadlineFactor = 1 } = request;
  async function fact<Value>(withinMs: number, look: Look<Value>): Promise<Fact<Value>> {
    const deadline = AbortSignal.timeout(withinMs * deadlineFactor);
    const ended = AbortSignal.any([signal, deadline]);
    try {
      return { value: await look(given.with({ signal: ended }), ended) };
    } catch (error) {
      signal.throwIfAborted();
      const late = `no answer within ${(withinMs * deadlineFactor) / 1000} s`;
      return { problem: clip(deadline.aborted ? late : messageOf(error), 300) };
    }
  }
  const quick = seconds(5);
  const throughPod = seconds(10);
  const api = await fact(quick, readApi);
  const turn = turns(atOnce);
  const read = <Value>(withinMs: number, look: Look<Value>): Promise<Fact<Value>> =>
    api.problem === undefined
      ? turn(() => fact(withinMs, look))
      : Promise.resolve({ problem: 'its API does not answer' });
  const facts = {
    sidecar: read(throughPod, (cluster) => readSidecar(cluster, namespace, signal)),
    remoteStates: read(throughPod, (cluster) => readRemoteStates(cluster, signal)),
    remoteSecrets: read(throughPod, (cluster, ended) => readRemoteSecrets(cluster, other, ended)),
    istiod: read(quick, (cluster) => podsReady(cluster, 'istio-system', { app: 'istiod' }, 'istiod')),
    istiodVersion: read(quick, readIstiodVersion),
    injection: read(quick, (cluster) => readInjection(cluster, namespace)),
    pods: read(quick, (cluster) => readPods(cluster, namespace)),
    service: read(quick, (cluster) => hasService(cluster, namespace)),
    authority: read(quick, readAuthority),
    rules: read(quick, (cluster) => readMeshRules(cluster, namespace)),
  };
  await Promise.all(Object.values(facts));
  return {
    name: given.name,
    api,
    sidecar: await facts.sidecar,
    remoteStates: await facts.remoteStates,
    remoteSecrets: await facts.remoteSecrets,
    istiod: await facts.istiod,
    istiodVersion: await facts.istiodVersion,
    injection: await facts.injection,
    pods: await facts.pods,
    service: await facts.service,
    authority: await facts.authority,
    rules: await facts.rules,
  };
}

/** Lets so many run at a time, in the order in which they came. */
function turns(atMost: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = atMost;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

async function readApi(cluster: Cluster): Promise<true> {
  await cluster.request({ method: 'GET', path: '/readyz', accept: 'text/plain', repeat: 'never' });
  return true;
}

async function hasService(cluster: Cluster, namespace: string): Promise<boolean> {
  return (await read<V1Service>(cluster, ref('v1', 'Service', 'helloworld', namespace))) !== undefined;
}

const istiodPods = (cluster: Cluster) =>
  list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'istio-system', labels: { app: 'istiod' } });

async function readIstiodVersion(cluster: Cluster): Promise<string | undefined> {
  const [pod] = await istiodPods(cluster);
  return tagOf(pod?.spec?.containers[0]?.image);
}

/** `1.31.0` of `docker.io/istio/pilot:1.31.0`; undefined of an image that is named by its digest alone. */
const tagOf = (image = ''): string | undefined => /:([\w][\w.-]{0,127})(?:@sha256:[\da-f]+)?$/.exec(image)?.[1];

async function readInjection(cluster: Cluster, namespace: string): Promise<boolean> {
  const found = await read<V1Namespace>(cluster, ref('v1', 'Namespace', namespace));
  if (!found) throw new Error(`namespace ${namespace} is missing`);
  return found.metadata.labels['istio-injection'] === 'enabled' || found.metadata.labels['istio.io/rev'] !== undefined;
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
        ip: status?.podIP ?? '',
        hasSidecar: sidecar !== undefined,
        sidecarVersion: tagOf(sidecar?.image),
        problem: podProblem(pod),
      };
    });
}

async function readAuthority(cluster: Cluster): Promise<MeshAuthority> {
  const secret = await readSecret(cluster, 'cacerts', 'istio-system');
  if (!secret) throw new Error('Secret istio-system/cacerts is missing, so istiod has a root of its own');
  const root = new X509Certificate(secret['root-cert.pem'] ?? '');
  const intermediate = new X509Certificate(secret['ca-cert.pem'] ?? '');
  return {
    root: createHash('sha256').update(root.raw).digest('hex'),
    rootEnds: new Date(root.validTo),
    intermediateEnds: new Date(intermediate.validTo),
  };
}

// ------------------------------------------------------------------ the other cluster, as istiod sees it

const remoteKubeconfig = z.object({
  clusters: z.array(z.object({ cluster: z.looseObject({ server: z.string() }) })).min(1),
  users: z.array(z.object({ user: z.object({ token: z.string().optional() }) })).min(1),
});

/** The longest kubeconfig that is looked at, in characters; with one CA and one token it is far shorter. */
const longestRemoteKubeconfig = 16_000;

/** Of the other cluster alone: a tenant may have made any number of Secrets and entries. */
async function readRemoteSecrets(cluster: Cluster, other: Cluster, signal: AbortSignal): Promise<RemoteSecret[]> {
  const labels = { 'istio/multiCluster': 'true' };
  const secrets = await list<V1Secret>(cluster, 'v1', 'Secret', { namespace: 'istio-system', labels, atMost: 20 });
  for (const secret of secrets) {
    const text = new Map(Object.entries(textsIn(secret))).get(other.name);
    if (text !== undefined) return [await tryRemoteSecret(text, other, signal)];
  }
  return [];
}

/** Tries CA and token at the other API on the worker's own way: the address in the Secret may be anything. */
async function tryRemoteSecret(text: string, other: Cluster, signal: AbortSignal): Promise<RemoteSecret> {
  const { name } = other;
  if (text.length > longestRemoteKubeconfig)
    return { cluster: name, server: '', isAuthority: false, refused: 'it is too long' };
  let kubeconfig: z.output<typeof remoteKubeconfig>;
  try {
    kubeconfig = remoteKubeconfig.parse(parse(text, { maxAliasCount: 0, uniqueKeys: false }));
  } catch {
    return { cluster: name, server: '', isAuthority: false, refused: 'it is not a kubeconfig' };
  }
  const [{ cluster }, { user }] = [kubeconfig.clusters[0]!, kubeconfig.users[0]!];
  const authority = Buffer.from(String(cluster['certificate-authority-data'] ?? ''), 'base64').toString('utf8');
  const secret = {
    cluster: name,
    server: clip(cluster.server, 200),
    isAuthority: authority.trim() === (other.access.server.certificateAuthority ?? '').trim(),
  };
  // A token may be anything too, but no header.
  const token = /^[\w.~+/=-]{1,4000}$/.exec(user.token ?? '')?.[0];
  if (token === undefined) return { ...secret, refused: 'it has no token' };
  const asIstiod = connectCluster(name, accessWith(other.access.server, { token }), { signal });
  try {
    await asIstiod.request({ method: 'GET', path: '/api/v1/services', query: { limit: 1 }, repeat: 'never' });
    return secret;
  } catch (error) {
    // That the time is over says nothing of the token.
    signal.throwIfAborted();
    return { ...secret, refused: clip(messageOf(error), 200) };
  } finally {
    asIstiod.close();
  }
}

const remoteStates = z.array(z.object({ id: z.string(), syncStatus: z.string() }));

async function readRemoteStates(cluster: Cluster, signal: AbortSignal): Promise<Record<string, string>> {
  const pod = (await istiodPods(cluster)).find((candidate) => podProblem(candidate) === undefined);
  if (!pod) throw new Error('no istiod is ready');
  const output = await execInPod(
    cluster,
    { namespace: 'istio-system', pod: pod.metadata.name, container: 'discovery' },
    ['pilot-discovery', 'request', 'GET', '/debug/clusterz'],
    { withinMs: seconds(8), signal, maxBytes: 100_000 },
  );
  return Object.fromEntries(
    remoteStates.parse(JSON.parse(output)).map(({ id, syncStatus }) => [id, clip(syncStatus, 40)]),
  );
}

// ------------------------------------------------------------------ the sidecar of sleep

async function readSidecar(cluster: Cluster, namespace: string, signal: AbortSignal) {
  const pod = await readySleepPod(cluster, namespace);
  const script = `
curl -s --max-time 3 ${adminUrl}/clusters | grep -F '|helloworld.${namespace}.svc.'
echo ---
curl -s --max-time 3 ${adminUrl}/certs
exit 0`;
  const output = await execInPod(
    cluster,
    { namespace, pod: pod.metadata.name, container: 'sleep' },
    ['sh', '-c', script],
    { withinMs: seconds(8), signal, maxBytes: 300_000 },
  );
  const [clusters = '', certificates = ''] = output.split('---\n');
  return { endpoints: endpointsIn(clusters), certificate: certificateIn(certificates) };
}
