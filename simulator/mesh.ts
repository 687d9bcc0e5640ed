import { randomInt } from 'node:crypto';
import https from 'node:https';
import tls from 'node:tls';
import { parse } from 'yaml';
import type { ControlPlane } from './control-plane.js';
import { fromBase64, hasLabels, isReady, type KubeObject } from './objects.js';
import { hasSidecar, identityOf, istiodPod } from './sidecar.js';
import type { Store } from './store.js';

/*
 * Istio as seen from outside: who answers a request. istiod really connects to the other cluster, with the address, CA and
 * token of its remote secret.
 */

/** Finds the port on 127.0.0.1 behind an address as pods see it; undefined if nothing answers. */
type Dial = (hostname: string, port: number) => Promise<number | undefined>;

export interface MeshMember {
  plane: ControlPlane;
  dial: Dial;
}

interface RemoteCluster {
  /** The remote secret that names it. */
  secret: KubeObject;
  id: string;
  read(path: string): Promise<KubeObject & { items: KubeObject[] }>;
}

/** The clusters for which istiod has remote secrets. */
function remoteClusters({ plane, dial }: MeshMember): RemoteCluster[] {
  return plane.store
    .list('secrets', 'istio-system')
    .filter((secret) => hasLabels(secret, { 'istio/multiCluster': 'true' }))
    .flatMap((secret) =>
      Object.entries((secret.data ?? {}) as Record<string, string>).map(([id, kubeconfig]) => ({
        ...{ secret, id },
        read: reader(fromBase64(kubeconfig), dial),
      })),
    );
}

/** Reads from the API that a kubeconfig describes. */
function reader(kubeconfig: string, dial: Dial): RemoteCluster['read'] {
  return async (path) => {
    const { clusters, users } = parse(kubeconfig) as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    const { server = '', 'certificate-authority-data': ca } = clusters[0]!.cluster;
    const { token } = users[0]!.user;
    const { hostname, port } = new URL(server);
    const local = await dial(hostname, Number(port || 443));
    if (local === undefined) throw new Error(`${hostname} does not answer`);
    const answer = await get({
      host: '127.0.0.1',
      port: local,
      path,
      agent: false,
      servername: /^[\d.]+$/.test(hostname) ? '' : hostname,
      ca: fromBase64(ca),
      headers: { authorization: `Bearer ${token}` },
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(hostname, certificate),
    });
    return JSON.parse(answer) as KubeObject & { items: KubeObject[] };
  };
}

function get(options: https.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get({ ...options, timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}

// ------------------------------------------------------------------ requests

interface Endpoint {
  pod: KubeObject;
  /** The root CA of its certificate. */
  root: string;
}

/** How a request ended, as curl reports it. */
export interface CurlAnswer {
  /** 0 if there was no answer. */
  status: number;
  body: string;
  exitCode: number;
  problem: string;
}

/** How often a sidecar sent requests to an endpoint, by the UIDs of the pods. */
const sent = new WeakMap<ControlPlane, Map<string, number>>();

/** The answers to a number of requests from a pod to a Service in the mesh, such as `http://helloworld.sample:5000/hello`. */
export async function curl(member: MeshMember, from: KubeObject, url: URL, times: number): Promise<CurlAnswer[]> {
  const { store } = member.plane;
  const isMeshed = hasSidecar(from) && istiodPod(store) !== undefined;
  const all = (answer: CurlAnswer) => Array.from({ length: times }, () => answer);
  const failed = (exitCode: number, problem: string) => all({ status: 0, body: '', exitCode, problem });
  if (url.host === 'localhost:15000' && isMeshed)
    return all({ status: 200, body: await adminPage(member, from, url), exitCode: 0, problem: '' });
  if (url.port === statsPort) {
    const target = store.list('pods').find((pod) => pod.status?.podIP === url.hostname && hasSidecar(pod));
    return target
      ? all({ status: 200, body: statsOf(target, store), exitCode: 0, problem: '' })
      : failed(7, 'Failed to connect');
  }
  const [name = '', namespace = from.metadata.namespace!] = url.hostname.split('.');
  const service = store.find('services', namespace, name);
  if (!service) return failed(6, `Could not resolve host: ${url.hostname}`);

  const endpoints = await endpointsOf(member, service, isMeshed);
  if (endpoints.length === 0 && !isMeshed)
    return failed(
      7,
      `Failed to connect to ${url.hostname} port ${url.port || 80} after 1 ms: Could not connect to server`,
    );

  const own = ownRoot(member);
  const counts = sent.get(member.plane) ?? new Map<string, number>();
  sent.set(member.plane, counts);
  const answered = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  return Array.from({ length: times }, () => {
    const endpoint = leastRequested(endpoints, answered);
    if (!endpoint) return answerOf(endpoint, own);
    answered.set(endpoint, answered.get(endpoint)! + 1);
    const key = sentKey(from, endpoint);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    received.set(endpoint.pod.metadata.uid!, (received.get(endpoint.pod.metadata.uid!) ?? 0) + 1);
    return answerOf(endpoint, own);
  });
}

/** How many requests a pod has got, by its UID. */
const received = new Map<string, number>();

/** Where a sidecar serves its counters to Prometheus. */
const statsPort = '15090';

/** A proxy keeps only the counters that the mesh's configuration names. */
const statsOf = ({ metadata }: KubeObject, store: Store): string => {
  const count = received.get(metadata.uid!);
  const config = store.find('configmaps', 'istio-system', 'istio')?.data as { mesh: string } | undefined;
  const { defaultConfig } = JSON.parse(config?.mesh ?? '{}') as MeshSettings;
  const kept = defaultConfig?.proxyStatsMatcher?.inclusionRegexps ?? [];
  const isKept = kept.some((each) => new RegExp(`^${each}$`).test('cluster.inbound|5000||.upstream_rq_total'));
  const line = `envoy_cluster_upstream_rq_total{cluster_name="inbound|5000||"} ${count}\n`;
  return `# TYPE envoy_cluster_upstream_rq_total counter\n${isKept && count !== undefined ? line : ''}`;
};

interface MeshSettings {
  defaultConfig?: { proxyStatsMatcher?: { inclusionRegexps?: string[] } };
}

const sentKey = (from: KubeObject, { pod }: Endpoint) => `${from.metadata.uid} ${pod.metadata.uid}`;

const ownRoot = ({ plane }: MeshMember) =>
  rootOf(plane.store.find('secrets', 'istio-system', 'cacerts'), plane.authority.certificate);

async function endpointsOf(member: MeshMember, service: KubeObject, isMeshed: boolean): Promise<Endpoint[]> {
  const { name, namespace } = service.metadata;
  const local = member.plane.store
    .list('pods', namespace)
    .filter((pod) => hasLabels(pod, service.spec.selector) && isReady(pod));
  const remote = isMeshed ? await remoteEndpoints(member, namespace!, name) : [];
  return [...local.map((pod) => ({ pod, root: ownRoot(member) })), ...remote];
}

async function adminPage(member: MeshMember, from: KubeObject, { pathname, searchParams }: URL): Promise<string> {
  switch (pathname) {
    case '/clusters':
      return await clustersOf(member, from);
    case '/config_dump':
      return await clusterDump(member, from, searchParams.get('name_regex') ?? '.*');
    case '/certs': {
      const ends = new Date(Date.now() + 86_400_000).toISOString();
      const leaf = { subject_alt_names: [{ uri: identityOf(from) }], expiration_time: ends };
      return JSON.stringify({ certificates: [{ cert_chain: [leaf] }] });
    }
    default:
      return 'invalid path. admin commands are: /certs, /clusters, /config_dump\n';
  }
}

/** How Envoy sends to the Services in the pod's namespace whose clusters match: by mTLS, to these identities alone. */
async function clusterDump(member: MeshMember, from: KubeObject, pattern: string): Promise<string> {
  const { namespace } = from.metadata;
  const services = member.plane.store.list('services', namespace).map((service) => ({
    service,
    name: `outbound|${service.spec.ports[0].port}||${service.metadata.name}.${namespace}.svc.cluster.local`,
  }));
  const configs = services
    .filter(({ name }) => new RegExp(`^(?:${pattern})$`).test(name))
    .map(async ({ service, name }) => {
      const endpoints = await endpointsOf(member, service, true);
      const peers = [...new Set(endpoints.map(({ pod }) => identityOf(pod)))].map((exact) => ({ exact }));
      const context = {
        combined_validation_context: { default_validation_context: { match_subject_alt_names: peers } },
      };
      const mutual = {
        name: 'tlsMode-istio',
        transport_socket: { typed_config: { common_tls_context: context } },
      };
      return { cluster: { name, transport_socket_matches: [mutual] } };
    });
  return JSON.stringify({ configs: await Promise.all(configs) });
}

/** istiod's `/debug/syncz`: every proxy has acknowledged what it was sent. */
export function syncStates({ plane }: MeshMember): string {
  const proxies = plane.store.list('pods').filter((pod) => hasSidecar(pod) && isReady(pod));
  const parts = ['cluster', 'listener', 'route', 'endpoint'].flatMap((part) => [`${part}_sent`, `${part}_acked`]);
  const versions = Object.fromEntries(parts.map((part) => [part, '1']));
  return JSON.stringify(
    proxies.map(({ metadata }) => ({ proxy: `${metadata.name}.${metadata.namespace}`, ...versions })),
  );
}

const ageOf = ({ metadata }: KubeObject) => Date.parse(metadata.creationTimestamp ?? '');

/** istiod's `/debug/clusterz`; with the fault `secret-unnoticed`, it knows only secrets older than its pod. */
export async function remoteStates(member: MeshMember): Promise<string> {
  const { store, faults } = member.plane;
  const started = store
    .list('pods', 'istio-system')
    .filter((pod) => hasLabels(pod, { app: 'istiod' }))
    .map(ageOf);
  const isNoticed = ({ secret }: RemoteCluster) =>
    !faults.is('secret-unnoticed') || started.every((at) => ageOf(secret) < at);
  const states = remoteClusters(member)
    .filter(isNoticed)
    .map(async ({ id, read }) => {
      const isReached = await read('/api/v1/services?limit=1').then(
        () => true,
        () => false,
      );
      return {
        id,
        secretName: `istio-system/istio-remote-secret-${id}`,
        syncStatus: isReached ? 'synced' : 'timeout',
      };
    });
  return JSON.stringify(await Promise.all(states));
}

/** The part of Envoy's clusters page about the Services in the pod's namespace. */
async function clustersOf(member: MeshMember, from: KubeObject): Promise<string> {
  const { namespace } = from.metadata;
  const pages = member.plane.store.list('services', namespace).map(async (service) => {
    const endpoints = await endpointsOf(member, service, true);
    const { port, targetPort = port } = service.spec.ports[0];
    return endpoints.map((endpoint) => {
      const address = `${endpoint.pod.status.podIP}:${targetPort}`;
      const host = `outbound|${port}||${service.metadata.name}.${namespace}.svc.cluster.local::${address}`;
      const requests = sent.get(member.plane)?.get(sentKey(from, endpoint)) ?? 0;
      return `${host}::rq_total::${requests}\n${host}::health_flags::healthy\n`;
    });
  });
  return (await Promise.all(pages)).flat().join('');
}

async function remoteEndpoints(member: MeshMember, namespace: string, name: string): Promise<Endpoint[]> {
  const found = await Promise.all(
    remoteClusters(member).map(async ({ id, read }) => {
      try {
        const service = await read(`/api/v1/namespaces/${namespace}/services/${name}`);
        const { items } = await read(`/api/v1/namespaces/${namespace}/pods`);
        const secret = await read('/api/v1/namespaces/istio-system/secrets/cacerts').catch(() => undefined);
        const pods = items.filter((pod) => hasLabels(pod, service.spec.selector) && isReady(pod) && hasSidecar(pod));
        return pods.map((pod) => ({ pod, root: rootOf(secret, id) }));
      } catch {
        return []; // istiod cannot read there, or the Service does not exist
      }
    }),
  );
  return found.flat();
}

/** Without `cacerts`, istiod creates its own root CA. */
const rootOf = (cacerts: KubeObject | undefined, otherwise: string): string =>
  fromBase64(cacerts?.data?.['root-cert.pem']) || `self-signed by ${otherwise}`;

/** Envoy's default: of two random endpoints, the one with fewer active requests. */
function leastRequested(endpoints: Endpoint[], answered: Map<Endpoint, number>): Endpoint | undefined {
  if (endpoints.length === 0) return undefined;
  const [one, other] = [endpoints[randomInt(endpoints.length)]!, endpoints[randomInt(endpoints.length)]!];
  return answered.get(one)! <= answered.get(other)! ? one : other;
}

function answerOf(endpoint: Endpoint | undefined, own: string): CurlAnswer {
  const answered = (status: number, body: string) => ({ status, body, exitCode: 0, problem: '' });
  if (!endpoint) return answered(503, 'no healthy upstream');
  if (endpoint.root !== own)
    return answered(
      503,
      'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end',
    );
  const { name, labels } = endpoint.pod.metadata;
  return answered(200, `Hello version: ${labels?.version}, instance: ${name}\n`);
}
