import type { KubernetesObject, V1Namespace, V1PersistentVolume } from '@kubernetes/client-node';
import { lacksRight } from '../client/api-errors.js';
import { seconds } from '../../duration.js';
import { holds, lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { namespaceBase, placesOf, type Demo, type VirtualClusterPlace } from './demo.js';
import { eachOf, read, remove } from '../client/objects.js';
import { collect, pages } from '../client/lists.js';
import { ref } from '../client/manifest.js';
import type { Found } from '../client/answers.js';

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

interface DeletionOptions {
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor: number;
}

/**
 * Deletes the namespace, but only the one that the demo's record lists. Its pods are stopped first: up to Kubernetes 1.32, a
 * namespace that is being deleted can lose its NetworkPolicies while pods are still running.
 * @see https://github.com/kubernetes/kubernetes/issues/126587
 */
export async function deleteNamespace(
  host: Cluster,
  demo: Demo,
  place: VirtualClusterPlace,
  options: DeletionOptions,
): Promise<void> {
  const uid = demo.namespaceUids[place.name];
  if (uid === undefined) return;
  if (await readOwnNamespace(host, demo, place)) await stopPods(host, place, options);
  await remove(host, ref('v1', 'Namespace', place.namespace), { uid });
}

/** How pods are stopped, in turn. With one second, the kubelet still confirms that they have ended; with none, nobody does. */
const attempts = [
  { graceSeconds: 10, withinMs: seconds(30) },
  { graceSeconds: 1, withinMs: seconds(15) },
  { graceSeconds: 0, withinMs: seconds(5) },
];

/** Does what it can: if pods remain, the namespace must be deleted anyway, and its conditions say what is left. */
async function stopPods(
  host: Cluster,
  { namespace }: VirtualClusterPlace,
  { signal, deadlineFactor }: DeletionOptions,
): Promise<void> {
  const tryTo = (work: Promise<unknown>) => work.catch(() => signal.throwIfAborted());
  for (const kind of ['StatefulSet', 'Deployment']) await tryTo(removeAll(host, kind, namespace));
  for (const { graceSeconds, withinMs } of attempts)
    await tryTo(
      waitUntil(`the pods in ${namespace} to stop`, () => checkStopped(host, namespace, graceSeconds), {
        withinMs: withinMs * deadlineFactor,
        signal,
      }),
    );
}

/** These would start pods again. */
async function removeAll(host: Cluster, kind: string, namespace: string): Promise<void> {
  for await (const page of pages(host, 'apps/v1', kind, { namespace, metadataOnly: true }))
    await eachOf(page, 6, ({ metadata }) => remove(host, ref('apps/v1', kind, metadata.name, namespace)));
}

/** Whether there are no pods; those that may go on for longer than the grace period are told to stop. */
async function checkStopped(host: Cluster, namespace: string, graceSeconds: number): Promise<Check> {
  const left: string[] = [];
  for await (const page of pages(host, 'v1', 'Pod', { namespace, metadataOnly: true })) {
    left.push(...page.map(({ metadata }) => metadata.name));
    const slow = page.filter(({ metadata }) => (metadata.deletionGracePeriodSeconds ?? Infinity) > graceSeconds);
    await eachOf(slow, 6, ({ metadata: { name, uid } }) =>
      remove(host, ref('v1', 'Pod', name, namespace), { uid }, graceSeconds),
    );
  }
  return left.length === 0 ? holds : lacks(`${left.length} are left, such as ${left[0]}`);
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

/** The host cluster may have any number of others. */
async function volumesOf(host: Cluster, { places }: Pick<Demo, 'places'>): Promise<V1PersistentVolume[]> {
  const namespaces = new Set(places.map(({ namespace }) => namespace));
  return await collect(pages<V1PersistentVolume>(host, 'v1', 'PersistentVolume'), ({ spec }) =>
    namespaces.has(spec?.claimRef?.namespace ?? ''),
  );
}

const isKept = ({ spec }: V1PersistentVolume) => spec?.persistentVolumeReclaimPolicy === 'Retain';

/** The status of a volume that its provisioner fails to delete says why. */
const leftVolume = ({ metadata, status }: V1PersistentVolume) =>
  `PersistentVolume ${metadata?.name}${status?.phase === 'Failed' ? ` (${status.message ?? status.phase})` : ''}`;

/** The chart creates these only if `vcluster.values` say so; a worker that cannot list them has not created any. */
async function listByHelm(host: Cluster, kind: string): Promise<Found[]> {
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  try {
    return await collect(pages(host, 'rbac.authorization.k8s.io/v1', kind, { labels, metadataOnly: true }));
  } catch (error) {
    if (lacksRight(error)) return [];
    throw error;
  }
}

const named =
  (kind: string) =>
  ({ metadata }: KubernetesObject) =>
    `${kind} ${metadata?.name}`;
