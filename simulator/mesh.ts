import { randomInt } from 'node:crypto';
import https from 'node:https';
import tls from 'node:tls';
import { parse } from 'yaml';
import type { ControlPlane } from './control-plane.js';
import { fromBase64, hasLabels, isReady, type KubeObject } from './objects.js';
import type { CommandResult } from './pod-runtime.js';
import { hasSidecar, istiodPod } from './sidecar.js';

/*
 * Istio as one sees it from outside: who answers a request. istiod reaches the other cluster in earnest, with the
 * address, CA and token of its remote secret.
 */

/** Finds the port of 127.0.0.1 behind an address as pods see it; undefined where nothing answers. */
export type Dial = (hostname: string, port: number) => Promise<number | undefined>;

export interface MeshMember {
  plane: ControlPlane;
  dial: Dial;
}

interface RemoteCluster {
  id: string;
  read(path: string): Promise<KubeObject & { items: KubeObject[] }>;
}

/** The clusters that istiod has remote secrets of. */
function remoteClusters({ plane, dial }: MeshMember): RemoteCluster[] {
  return plane.store
    .list('secrets', 'istio-system')
    .filter((secret) => hasLabels(secret, { 'istio/multiCluster': 'true' }))
    .flatMap(({ data = {} }) => Object.entries(data as Record<string, string>))
    .map(([id, kubeconfig]) => ({ id, read: reader(fromBase64(kubeconfig), dial) }));
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
  /** The root that its certificate comes from. */
  root: string;
}

/** What so many requests from a pod to a Service of the mesh, such as `http://helloworld.sample:5000/hello`, are answered. */
export async function curl(member: MeshMember, from: KubeObject, url: URL, times: number): Promise<CommandResult> {
  const { store } = member.plane;
  const [name = '', namespace = from.metadata.namespace!] = url.hostname.split('.');
  const service = store.find('services', namespace, name);
  const failed = (code: number, why: string) => ({
    stdout: '',
    stderr: `curl: (${code}) ${why}\n`.repeat(times),
    exitCode: code,
  });
  if (!service) return failed(6, `Could not resolve host: ${url.hostname}`);

  const isMeshed = hasSidecar(from) && istiodPod(store) !== undefined;
  const own = rootOf(store.find('secrets', 'istio-system', 'cacerts'), member.plane.authority.certificate);
  const local = store.list('pods', namespace).filter((pod) => hasLabels(pod, service.spec.selector) && isReady(pod));
  const endpoints: Endpoint[] = local.map((pod) => ({ pod, root: own }));
  if (isMeshed) endpoints.push(...(await remoteEndpoints(member, namespace, name)));
  if (endpoints.length === 0 && !isMeshed)
    return failed(
      7,
      `Failed to connect to ${url.hostname} port ${url.port || 80} after 1 ms: Could not connect to server`,
    );

  const answered = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  let stdout = '';
  for (let request = 0; request < times; request++) {
    const endpoint = leastRequested(endpoints, answered);
    if (endpoint) answered.set(endpoint, answered.get(endpoint)! + 1);
    stdout += `${answerOf(endpoint, own)}\n`;
  }
  return { stdout, stderr: '', exitCode: 0 };
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
        return []; // istiod cannot read there, or there is no such Service
      }
    }),
  );
  return found.flat();
}

/** Without `cacerts`, istiod makes a root of its own. */
const rootOf = (cacerts: KubeObject | undefined, otherwise: string): string =>
  fromBase64(cacerts?.data?.['root-cert.pem']) || `self-signed by ${otherwise}`;

/** Envoy's default: of two endpoints picked at random, the one with fewer requests. */
function leastRequested(endpoints: Endpoint[], answered: Map<Endpoint, number>): Endpoint | undefined {
  if (endpoints.length === 0) return undefined;
  const [one, other] = [endpoints[randomInt(endpoints.length)]!, endpoints[randomInt(endpoints.length)]!];
  return answered.get(one)! <= answered.get(other)! ? one : other;
}

function answerOf(endpoint: Endpoint | undefined, own: string): string {
  if (!endpoint) return 'no healthy upstream';
  if (endpoint.root !== own)
    return 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end';
  const { name, labels } = endpoint.pod.metadata;
  return `Hello version: ${labels?.version}, instance: ${name}`;
}
