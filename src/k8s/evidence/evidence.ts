import type { V1Pod } from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { redact } from '../../redact.js';
import type { Found } from '../client/answers.js';
import type { Cluster } from '../client/cluster.js';
import { isSynced } from '../workloads/pods.js';
import { logParts } from './container-logs.js';
import { istiodParts, sidecarParts } from './mesh-pages.js';
import { eventPart, hostKinds, meshConfig, meshKinds, objectParts, secretNames } from './objects.js';
import type { Part } from './part.js';
import { withoutSecrets } from './without-secrets.js';

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

/** So many requests at a time to one cluster. */
const atOnce = 4;

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
    ...sidecarParts(sample, options.signal),
    ...istiodParts(options.signal),
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

const serverVersion: Part = {
  path: 'version.json',
  says: 'the version of its API server',
  async read(cluster) {
    const version = await cluster.request({ method: 'GET', path: '/version', repeat: 'never' });
    return `${JSON.stringify(withoutSecrets(version), null, 1)}\n`;
  },
};
