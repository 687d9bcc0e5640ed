import type { V1Pod, V1Secret } from '@kubernetes/client-node';
import * as z from 'zod';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { parseForeignYaml } from '../../foreign-yaml.js';
import { parseJson } from '../../json.js';
import { clip } from '../../redact.js';
import { pause } from '../check.js';
import { connectCluster, type Cluster } from '../client/cluster.js';
import { execInPod } from '../client/exec.js';
import { list } from '../client/lists.js';
import { textsIn } from '../client/objects.js';
import type { Found } from '../client/answers.js';
import { podProblem } from '../workloads/pods.js';
import { accessWith } from '../client/server-access.js';

/* What istiod knows: how it reads the other cluster, what came of that, and which proxies follow it. */

/** A remote secret, by which istiod reads from another cluster. */
export interface RemoteSecret {
  /** As istiod calls the other cluster. */
  cluster: string;
  server: string;
  /** Whether its CA is the one of the other cluster's API. */
  isAuthority: boolean;
  /** Why the other cluster's API does not take its token; undefined where it does. */
  refused?: string | undefined;
  /** When its token expires; undefined of a token that does not say so. */
  tokenEnds?: Date | undefined;
}

const remoteKubeconfig = z.object({
  clusters: z.tuple([z.object({ cluster: z.looseObject({ server: z.string() }) })], z.unknown()),
  users: z.tuple([z.object({ user: z.object({ token: z.string().optional() }) })], z.unknown()),
});

/** The longest kubeconfig that is looked at, in characters; with one CA and one token it is far shorter. */
const longestRemoteKubeconfig = 16_000;

/**
 * Of the other cluster alone, by the name that istiod has for it: a tenant may have made any number of Secrets and entries.
 * CA and token are tried at the other API on the worker's own way, because the address in the Secret may be anything.
 */
export async function readRemoteSecrets(
  cluster: Cluster,
  { other, otherName, signal }: { other: Cluster; otherName: string; signal: AbortSignal },
): Promise<RemoteSecret[]> {
  const labels = { 'istio/multiCluster': 'true' };
  const secrets = await list<V1Secret>(cluster, 'v1', 'Secret', { namespace: 'istio-system', labels, atMost: 20 });
  for (const secret of secrets) {
    const text = new Map(Object.entries(textsIn(secret))).get(otherName);
    if (text !== undefined) return [await tryRemoteSecret(text, other, signal)];
  }
  return [];
}

async function tryRemoteSecret(text: string, other: Cluster, signal: AbortSignal): Promise<RemoteSecret> {
  const { name } = other;
  if (text.length > longestRemoteKubeconfig)
    return { cluster: name, server: '', isAuthority: false, refused: 'it is too long' };
  let kubeconfig: z.output<typeof remoteKubeconfig>;
  try {
    kubeconfig = remoteKubeconfig.parse(parseForeignYaml(text));
  } catch {
    return { cluster: name, server: '', isAuthority: false, refused: 'it is not a kubeconfig' };
  }
  const [{ cluster }] = kubeconfig.clusters;
  const [{ user }] = kubeconfig.users;
  const authority = Buffer.from(String(cluster['certificate-authority-data'] ?? ''), 'base64').toString('utf8');
  const tokenEnds = expiryOf(user.token);
  const secret = {
    cluster: name,
    server: clip(cluster.server, 200),
    isAuthority: authority.trim() === (other.access.server.certificateAuthority ?? '').trim(),
    ...(tokenEnds && { tokenEnds }),
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

const claims = z.object({ exp: z.number().positive().max(1e11) });

/** Of a JSON Web Token; what else it says is not looked at. */
function expiryOf(token = ''): Date | undefined {
  try {
    const payload = Buffer.from(token.slice(0, 8000).split('.')[1] ?? '', 'base64url').toString('utf8');
    return new Date(claims.parse(JSON.parse(payload)).exp * 1000);
  } catch {
    return undefined;
  }
}

// ------------------------------------------------------------------ what istiod says

export const istiodPods = (cluster: Cluster): Promise<Found<V1Pod>[]> =>
  list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'istio-system', labels: { app: 'istiod' } });

/** The name that istiod has for its own cluster, and that remote secrets for it carry. */
export async function readMeshName(cluster: Cluster): Promise<string | undefined> {
  const variables = (await istiodPods(cluster)).flatMap(({ spec }) => spec?.containers[0]?.env ?? []);
  return variables.find(({ name }) => name === 'CLUSTER_ID')?.value;
}

async function askIstiod(cluster: Cluster, path: string, signal: AbortSignal): Promise<unknown> {
  const pod = (await istiodPods(cluster)).find((candidate) => podProblem(candidate) === undefined);
  if (!pod) throw new Error('no istiod is ready');
  const output = await execInPod(
    cluster,
    { namespace: 'istio-system', pod: pod.metadata.name, container: 'discovery' },
    ['pilot-discovery', 'request', 'GET', path],
    { withinMs: seconds(8), signal, maxBytes: 1_000_000 },
  );
  return parseJson(output);
}

const remoteStates = z.array(z.object({ id: z.string(), syncStatus: z.string() }));

export async function readRemoteStates(cluster: Cluster, signal: AbortSignal): Promise<Record<string, string>> {
  const states = remoteStates.parse(await askIstiod(cluster, '/debug/clusterz', signal));
  return Object.fromEntries(states.map(({ id, syncStatus }) => [id, clip(syncStatus, 40)]));
}

/** A sidecar or gateway that gets its configuration from this istiod. */
export interface MeshProxy {
  /** `sleep-74df894b8d-t66jm.sample` */
  name: string;
  /** The parts of its configuration that it has not acknowledged, such as `endpoint`. */
  stale: string[];
}

const version = z.string().optional();
const syncStates = z.array(
  z.object({
    proxy: z.string(),
    ...{ cluster_sent: version, cluster_acked: version, listener_sent: version, listener_acked: version },
    ...{ route_sent: version, route_acked: version, endpoint_sent: version, endpoint_acked: version },
  }),
);
const parts = ['cluster', 'listener', 'route', 'endpoint'] as const;

/** What a proxy is just being sent is not acknowledged yet. */
const patienceMs = 1000;

export async function readProxies(cluster: Cluster, signal: AbortSignal): Promise<MeshProxy[]> {
  const ask = async () =>
    syncStates.parse(await askIstiod(cluster, '/debug/syncz', signal)).map(({ proxy, ...states }): MeshProxy => {
      const isStale = (part: (typeof parts)[number]) =>
        states[`${part}_sent`] !== undefined && states[`${part}_sent`] !== states[`${part}_acked`];
      return { name: clip(proxy, 200), stale: parts.filter(isStale) };
    });
  const proxies = await ask();
  if (proxies.every(({ stale }) => stale.length === 0)) return proxies;
  await pause(patienceMs, signal);
  return await ask();
}
