import type { CoreV1Event, KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { redact } from '../../redact.js';
import type { Cluster } from '../client/cluster.js';
import { execInPod } from '../client/exec.js';
import { list, listMetadata } from '../client/lists.js';
import type { Found } from '../client/answers.js';
import { isSynced } from './pods.js';
import { adminUrl, readySleepPod } from '../mesh/sidecar.js';
import { isRecord } from '../../records.js';
import { parseJson } from '../../json.js';

/*
 * What an engineer would collect from a cluster before asking a colleague, as text. Everything is redacted here. There are no
 * annotations, because vcluster writes tokens into those of pods and kubectl whole Secrets into those of others, and of
 * Secrets only the names.
 */

/** One file of an archive. */
export interface EvidenceFile {
  /** `vc1/events-sample.txt` */
  path: string;
  /** What it is, for the README. */
  says: string;
  text: string;
}

interface EvidenceOptions {
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor?: number;
}

/** The longest object, log or page, in characters; of a log the end is kept. `redact` reads no more at once. */
const longest = { object: 12_000, log: 60_000, page: 60_000 } as const;

/** At most so many are read of each: a tenant may have made any number. */
const most = { objects: 60, events: 300, pods: 8, logLines: 400 } as const;

/** So many requests at a time to one cluster. */
const atOnce = 4;

interface Part {
  path: string;
  says: string;
  read: (cluster: Cluster) => Promise<string>;
}

/** Of a virtual cluster: objects, events and logs of the mesh and the sample, and the proxy configuration of sleep. */
export async function collectEvidence(
  cluster: Cluster,
  sample: string,
  options: EvidenceOptions,
): Promise<EvidenceFile[]> {
  const namespaces = ['istio-system', sample];
  const parts: Part[] = [
    ...namespaces.flatMap((namespace) => [...objectParts(meshKinds, namespace), eventPart(namespace)]),
    ...namespaces.map((namespace) => secretNames(namespace)),
    meshConfig,
    ...sidecarPages.map((page) => sidecarPart(page, sample, options.signal)),
    ...istiodPages.map((page) => istiodPart(page, options.signal)),
    serverVersion,
    ...(await logParts(cluster, namespaces, () => true)),
  ];
  return await readParts(cluster, parts, options);
}

/** Of a demo's namespace in the host cluster: the control plane of its virtual cluster and what limits it. */
export async function collectHostEvidence(
  host: Cluster,
  { name, namespace }: { name: string; namespace: string },
  options: EvidenceOptions,
): Promise<EvidenceFile[]> {
  const isControlPlane = (pod: Found<V1Pod>) => pod.metadata.name.startsWith(`${name}-`) && !isSynced(pod);
  const parts = [
    ...objectParts(hostKinds, namespace),
    eventPart(namespace),
    ...(await logParts(host, [namespace], isControlPlane)),
  ];
  const files = await readParts(host, parts, options);
  return files.map((file) => ({ ...file, path: file.path.replace(/^host\//, `host-${name}/`) }));
}

async function readParts(
  cluster: Cluster,
  parts: readonly Part[],
  { signal, deadlineFactor = 1 }: EvidenceOptions,
): Promise<EvidenceFile[]> {
  const files: EvidenceFile[] = [];
  const queue = parts.entries();
  const reader = async () => {
    for (const [index, { path, says, read }] of queue) {
      const ended = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(seconds(10) * deadlineFactor))]);
      const text = await read(cluster.with({ signal: ended })).catch((error: unknown) => {
        signal.throwIfAborted();
        return `It could not be read: ${redact(messageOf(error))}\n`;
      });
      files[index] = { path: `${cluster.name}/${path}`, says, text };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, reader));
  return files;
}

// ------------------------------------------------------------------ objects

type Kind = readonly [apiVersion: string, kind: string];

const meshKinds: readonly Kind[] = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['apps/v1', 'Deployment'],
  ['discovery.k8s.io/v1', 'EndpointSlice'],
  ['networking.istio.io/v1', 'VirtualService'],
  ['networking.istio.io/v1', 'DestinationRule'],
  ['security.istio.io/v1', 'AuthorizationPolicy'],
  ['security.istio.io/v1', 'PeerAuthentication'],
];

const hostKinds: readonly Kind[] = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['apps/v1', 'StatefulSet'],
  ['v1', 'ResourceQuota'],
  ['v1', 'LimitRange'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
];

const objectParts = (kinds: readonly Kind[], namespace: string): Part[] =>
  kinds.map(([apiVersion, kind]) => ({
    path: `${kind.toLowerCase()}s-${namespace}.yaml`,
    says: `${kind} objects in namespace ${namespace}, without annotations`,
    async read(cluster) {
      const objects = await list(cluster, apiVersion, kind, { namespace, atMost: most.objects });
      return objects.length === 0 ? 'There are none.\n' : objects.map(objectText).join('---\n');
    },
  }));

function objectText(object: KubernetesObject): string {
  const text = stringify(withoutSecrets(object));
  return text.length <= longest.object ? text : `${text.slice(0, longest.object)}\n# the rest was left out\n`;
}

const secretKey = /(pass(word|wd)?|secret|token|credential|private.?key|api.?key)s?$|[-.](data|pem|key)$/i;

/** The object without annotations and what else may be one's secret, at any depth. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isRecord(value)) return value;
  // An environment variable.
  if (typeof value.name === 'string' && typeof value.value === 'string' && secretKey.test(value.name))
    return { ...value, value: '[removed]' };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'annotations' && key !== 'managedFields')
      .map(([key, each]) => {
        const isSecret = typeof each === 'string' && secretKey.test(key);
        return [redact(key), isSecret ? '[removed]' : withoutSecrets(each)];
      }),
  );
}

const secretNames = (namespace: string): Part => ({
  path: `secret-names-${namespace}.txt`,
  says: `names and labels of the Secrets in namespace ${namespace}, without their contents`,
  async read(cluster) {
    const secrets = await listMetadata(cluster, 'v1', 'Secret', { namespace, atMost: most.objects });
    const line = ({ metadata: { name, labels, creationTimestamp } }: Found) =>
      `${name} created ${String(creationTimestamp)} ${JSON.stringify(labels)}\n`;
    return redact(secrets.map(line).join('')) || 'There are none.\n';
  },
});

const meshConfig: Part = {
  path: 'mesh-config.yaml',
  says: "Istio's mesh configuration, the ConfigMap istio",
  async read(cluster) {
    const found = await list<KubernetesObject & { data?: Record<string, string> }>(cluster, 'v1', 'ConfigMap', {
      namespace: 'istio-system',
      fields: { 'metadata.name': 'istio' },
      atMost: 1,
    });
    return redact((found[0]?.data?.mesh ?? 'It does not exist.\n').slice(0, longest.page));
  },
};

const eventPart = (namespace: string): Part => ({
  path: `events-${namespace}.txt`,
  says: `events in namespace ${namespace}, newest last`,
  async read(cluster) {
    const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { namespace, atMost: 2000 });
    const timed = events.map((event) => {
      const { lastTimestamp, eventTime, metadata, type = '', reason = '', involvedObject, message = '', count } = event;
      const time = String(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '');
      const times = count !== undefined && count > 1 ? ` (${count} times)` : '';
      const what = `${involvedObject.kind ?? ''} ${involvedObject.name ?? ''}`;
      return `${time} ${type} ${reason} ${what}${times}: ${message.slice(0, 500).replaceAll('\n', ' ')}\n`;
    });
    const text = timed.toSorted().slice(-most.events).join('');
    return redact(endOf(text, longest.log)) || 'There are none.\n';
  },
});

// ------------------------------------------------------------------ logs

/** The logs of the containers of some pods; where the pods cannot be listed, none. */
async function logParts(
  cluster: Cluster,
  namespaces: readonly string[],
  isMeant: (pod: Found<V1Pod>) => boolean,
): Promise<Part[]> {
  const parts = await Promise.all(
    namespaces.map(async (namespace) => {
      const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, atMost: most.objects }).catch(() => []);
      return pods
        .filter(isMeant)
        .slice(0, most.pods)
        .flatMap(({ metadata, spec }) =>
          (spec?.containers ?? []).slice(0, 3).map(({ name }) => logPart(namespace, metadata.name, name)),
        );
    }),
  );
  return parts.flat();
}

const logPart = (namespace: string, pod: string, container: string): Part => ({
  path: `logs/${pod}-${container}.log`,
  says: `the end of the log of container ${container} of pod ${namespace}/${pod}`,
  async read(cluster) {
    const text = await cluster.request({
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
      query: { container, tailLines: most.logLines, limitBytes: 1_000_000 },
      accept: 'text/plain',
      repeat: 'never',
    });
    return redact(endOf(String(text), longest.log)) || 'It is empty.\n';
  },
});

/** At most so many characters, from the beginning of a line on. */
function endOf(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = text.slice(-length);
  return end.slice(end.indexOf('\n') + 1);
}

// ------------------------------------------------------------------ proxies and istiod

interface Page {
  file: string;
  path: string;
  says: string;
  /** Only lines with this are of interest. */
  about?: string;
}

const sidecarPages: readonly Page[] = [
  { file: 'version.json', path: '/server_info', says: 'its version and its state' },
  { file: 'certificates.json', path: '/certs', says: 'its certificates, without keys' },
  { file: 'endpoints.txt', path: '/clusters', says: 'its endpoints for helloworld', about: 'helloworld' },
  { file: 'listeners.txt', path: '/listeners', says: 'its listeners' },
  {
    file: 'config.json',
    path: '/config_dump?include_eds&name_regex=.*helloworld.*',
    says: 'its configuration for helloworld: clusters, routes and endpoints',
  },
  { file: 'tls-statistics.txt', path: '/stats', says: 'its TLS counters', about: 'ssl' },
];

const sidecarPart = ({ file, path, says, about }: Page, namespace: string, signal: AbortSignal): Part => ({
  path: `proxy-of-sleep/${file}`,
  says: `the sidecar of sleep: ${says}`,
  async read(cluster) {
    const pod = await readySleepPod(cluster, namespace);
    const fetching = `curl -s --max-time 5 '${adminUrl}${path}'`;
    const script = about === undefined ? fetching : `${fetching} | grep -F '${about}'`;
    const target = { namespace, pod: pod.metadata.name, container: 'sleep' };
    const options = { withinMs: seconds(8), signal, maxBytes: 4_000_000 };
    return pageText(await execInPod(cluster, target, ['sh', '-c', `${script}\nexit 0`], options));
  },
});

const istiodPages: readonly Page[] = [
  { file: 'remote-clusters.json', path: '/debug/clusterz', says: 'the clusters that it watches, and their state' },
  { file: 'proxies.json', path: '/debug/syncz', says: 'the connected proxies, and whether they are in sync' },
];

const istiodPart = ({ file, path, says }: Page, signal: AbortSignal): Part => ({
  path: `istiod/${file}`,
  says: `istiod: ${says}`,
  async read(cluster) {
    const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'istio-system', labels: { app: 'istiod' } });
    const pod = pods[0];
    if (!pod) throw new Error('istiod has no pod');
    const target = { namespace: 'istio-system', pod: pod.metadata.name, container: 'discovery' };
    const options = { withinMs: seconds(8), signal, maxBytes: 4_000_000 };
    return pageText(await execInPod(cluster, target, ['pilot-discovery', 'request', 'GET', path], options));
  },
});

/** JSON is redacted field by field: its long texts would hide each other otherwise. */
function pageText(page: string): string {
  const parsed = parseJson(page);
  const text =
    parsed === undefined ? redact(page.slice(0, longest.page)) : JSON.stringify(withoutSecrets(parsed), null, 1);
  return text.length <= longest.page
    ? text || 'It is empty.\n'
    : `${text.slice(0, longest.page)}\n… the rest was left out\n`;
}

const serverVersion: Part = {
  path: 'version.json',
  says: 'the version of its API server',
  async read(cluster) {
    const version = await cluster.request({ method: 'GET', path: '/version', repeat: 'never' });
    return `${JSON.stringify(withoutSecrets(version), null, 1)}\n`;
  },
};
