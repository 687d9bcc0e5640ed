import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { isNotFound } from '../client/api-errors.js';
import type { Cluster } from '../client/cluster.js';
import { copiedNotes, merge, remove } from '../client/objects.js';
import type { Found } from '../client/answers.js';
import { list } from '../client/lists.js';
import { ref, type Reference } from '../client/manifest.js';
import { containersOf, isSynced } from './pods.js';

/*
 * Touching an object makes whoever looks after it look at once. After a refusal by a quota or by admission in the host
 * cluster, controllers retry with pauses that grow to minutes; a kubelet takes up to two minutes to show a pod a changed
 * Secret, and up to five to start a container again that has ended several times, or to pull its image.
 */

const { retried } = copiedNotes;
/** Anybody in the virtual cluster can create any number of events and pods. */
const atMost = { events: 250, pods: 250, objects: 50 };

/**
 * Makes vcluster retry what it could not copy to the host cluster; it reports each such object with an event, which it
 * renews at every attempt.
 */
async function retryRefused(cluster: Cluster): Promise<void> {
  const fields = { reason: 'SyncError', type: 'Warning' };
  const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { fields, atMost: atMost.events });
  for (const refused of distinct(events).slice(0, atMost.objects)) await touch(cluster, refused);
}

/**
 * Makes vcluster and the kubelet retry what is to run in a namespace of a virtual cluster, and DNS, without which little
 * starts. After an outage vcluster may leave a pod that runs in the host cluster Pending for minutes, without an event.
 */
export async function retryPods(cluster: Cluster, namespace: string): Promise<void> {
  await retryRefused(cluster);
  for (const place of [namespace, 'kube-system']) {
    const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: place, atMost: atMost.pods });
    const unbound = pods.filter(({ spec }) => spec?.nodeName === undefined);
    for (const { metadata } of unbound.slice(0, atMost.objects))
      await touch(cluster, ref('v1', 'Pod', metadata.name, place));
    await replace(cluster, pods);
  }
}

/**
 * Makes the host cluster retry the pods of a workload, and those in its namespace that the kubelet lets wait; a control plane
 * without a volume is a Deployment.
 */
export async function retryWorkload(host: Cluster, namespace: string, name: string): Promise<void> {
  for (const kind of ['StatefulSet', 'Deployment']) await touch(host, ref('apps/v1', kind, name, namespace));
  await replaceWaiting(host, namespace);
}

async function replaceWaiting(cluster: Cluster, namespace: string): Promise<void> {
  await replace(cluster, await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, atMost: atMost.pods }));
}

/**
 * Deletes the pods that the kubelet lets wait before it starts or pulls again what has failed, after an outage, for example.
 * Their controllers replace them at once.
 */
async function replace(cluster: Cluster, pods: readonly Found<V1Pod>[]): Promise<void> {
  for (const { metadata } of pods.filter(isKeptWaiting).slice(0, atMost.objects))
    await remove(cluster, ref('v1', 'Pod', metadata.name, metadata.namespace), { uid: metadata.uid });
}

const isKeptWaiting = (pod: V1Pod): boolean =>
  !isSynced(pod) &&
  (pod.metadata?.ownerReferences ?? []).some(({ controller }) => controller) &&
  containersOf(pod).some(({ state }) => /^(CrashLoop|ImagePull)BackOff$/.test(state?.waiting?.reason ?? ''));

/**
 * Makes the kubelet update what is mounted in a pod.
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#mounted-configmaps-are-updated-automatically
 */
export async function refreshMounts(host: Cluster, namespace: string, pod: string): Promise<void> {
  await touch(host, ref('v1', 'Pod', pod, namespace));
}

function distinct(events: CoreV1Event[]): Reference[] {
  const references = events.flatMap(({ involvedObject: { apiVersion = 'v1', kind = 'Pod', name, namespace } }) =>
    name ? ref(apiVersion, kind, name, namespace) : [],
  );
  return [...new Map(references.map((reference) => [JSON.stringify(reference), reference])).values()];
}

async function touch(cluster: Cluster, reference: Reference): Promise<void> {
  const annotations = { [retried]: new Date().toISOString() };
  await merge(cluster, reference, { metadata: { annotations } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error; // deleted in the meantime
  });
}
