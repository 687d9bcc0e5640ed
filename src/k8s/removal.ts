import type { KubernetesObject, V1Namespace, V1PersistentVolume } from '@kubernetes/client-node';
import { lacksRight } from './api-errors.js';
import { holds, lacks, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import { namespaceBase, placesOf, type Demo, type VirtualClusterPlace } from './demo.js';
import { list, read, ref, remove, type Found } from './objects.js';

/** Whether a demo's namespace is gone; if not, what blocks it, according to its conditions. */
export async function checkNamespaceGone(host: Cluster, demo: Demo, place: VirtualClusterPlace): Promise<Check> {
  const { namespace: name } = place;
  const namespace = await readOwnNamespace(host, demo, place);
  if (!namespace) return holds;
  return lacks(namespace.status?.phase === 'Terminating' ? terminationOf(namespace) : `namespace ${name} still exists`);
}

/** What blocks a namespace that is being deleted, according to its conditions. */
export function terminationOf({ metadata, status }: V1Namespace): string {
  const keeping = (status?.conditions ?? []).filter(({ status }) => status === 'True').map(({ message }) => message);
  return `namespace ${metadata?.name} is Terminating${keeping.length > 0 ? `: ${keeping.join('; ')}` : ''}`;
}

/** Undefined if it is gone; a namespace of the same name that the record does not list is not ours. */
async function readOwnNamespace(
  host: Cluster,
  { namespaceUids }: Demo,
  { name, namespace }: VirtualClusterPlace,
): Promise<V1Namespace | undefined> {
  const present = await read<V1Namespace>(host, ref('v1', 'Namespace', namespace));
  return present?.metadata?.uid === namespaceUids[name] ? present : undefined;
}

/** Whether the namespace is gone or being deleted, together with everything in it. */
export async function isGoing(host: Cluster, { namespace: name }: VirtualClusterPlace): Promise<boolean> {
  const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', name));
  return namespace?.status?.phase !== 'Active';
}

/** Deletes the namespace, but only the one that the demo's record lists. */
export async function deleteNamespace(
  host: Cluster,
  demo: Demo,
  { name, namespace }: VirtualClusterPlace,
): Promise<void> {
  const uid = demo.namespaceUids[name];
  if (uid !== undefined) await remove(host, ref('v1', 'Namespace', namespace), { uid });
}

/**
 * What is left of a demo in the host cluster, such as `Namespace demo-vc1`. A delete can report success and leave objects
 * behind. Volumes that are to be kept do not count.
 */
export async function findLeftovers(host: Cluster, demo: Demo): Promise<string[]> {
  // Not only those that were found when the deletion began.
  const own = await Promise.all(placesOf(namespaceBase(demo)).map((place) => readOwnNamespace(host, demo, place)));
  const namespaces = new Set(demo.places.map(({ namespace }) => namespace));
  const volumes = await volumesOf(host, demo);
  const roles = await Promise.all(
    ['ClusterRole', 'ClusterRoleBinding'].map(async (kind) => {
      const ofDemo = (await listByHelm(host, kind)).filter(({ metadata }) =>
        namespaces.has(metadata.annotations['meta.helm.sh/release-namespace'] ?? ''),
      );
      return ofDemo.map(named(kind));
    }),
  );
  return [
    ...own.filter((namespace) => namespace !== undefined).map(named('Namespace')),
    ...volumes.filter((volume) => !isKept(volume)).map(leftVolume),
    ...roles.flat(),
  ];
}

/** Volumes that outlive the demo because of their StorageClass (`reclaimPolicy: Retain`). */
export async function findKeptVolumes(host: Cluster, demo: Pick<Demo, 'places'>): Promise<V1PersistentVolume[]> {
  return (await volumesOf(host, demo)).filter(isKept);
}

async function volumesOf(host: Cluster, { places }: Pick<Demo, 'places'>): Promise<V1PersistentVolume[]> {
  const namespaces = new Set(places.map(({ namespace }) => namespace));
  const volumes = await list<V1PersistentVolume>(host, 'v1', 'PersistentVolume');
  return volumes.filter(({ spec }) => namespaces.has(spec?.claimRef?.namespace ?? ''));
}

const isKept = ({ spec }: V1PersistentVolume) => spec?.persistentVolumeReclaimPolicy === 'Retain';

/** The status of a volume that its provisioner fails to delete says why. */
const leftVolume = ({ metadata, status }: V1PersistentVolume) =>
  `PersistentVolume ${metadata?.name}${status?.phase === 'Failed' ? ` (${status.message ?? status.phase})` : ''}`;

/** The chart creates these only if `vcluster.values` say so; a worker that cannot list them has not created any. */
async function listByHelm(host: Cluster, kind: string): Promise<Found[]> {
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  try {
    return await list(host, 'rbac.authorization.k8s.io/v1', kind, { labels });
  } catch (error) {
    if (lacksRight(error)) return [];
    throw error;
  }
}

const named =
  (kind: string) =>
  ({ metadata }: KubernetesObject) =>
    `${kind} ${metadata?.name}`;
