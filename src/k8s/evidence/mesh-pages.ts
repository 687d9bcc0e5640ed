import type { V1Pod } from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import { parseJson } from '../../json.js';
import { redact } from '../../redact.js';
import { execInPod } from '../client/exec.js';
import { list } from '../client/lists.js';
import { adminUrl, readySleepPod } from '../mesh/sidecar.js';
import { longest, type Part } from './part.js';
import { withoutSecrets } from './without-secrets.js';

/* What the sidecar of sleep and istiod say of themselves. */

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

/** @param namespace that of sleep */
export const sidecarParts = (namespace: string, signal: AbortSignal): Part[] =>
  sidecarPages.map((page) => sidecarPart(page, namespace, signal));

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

export const istiodParts = (signal: AbortSignal): Part[] => istiodPages.map((page) => istiodPart(page, signal));

/** JSON is redacted field by field: its long texts would hide each other otherwise. */
function pageText(page: string): string {
  const parsed = parseJson(page);
  const text =
    parsed === undefined ? redact(page.slice(0, longest.page)) : JSON.stringify(withoutSecrets(parsed), null, 1);
  return text.length <= longest.page
    ? text || 'It is empty.\n'
    : `${text.slice(0, longest.page)}\n… the rest was left out\n`;
}
