import type { CoreV1Event } from '@kubernetes/client-node';
import { isNotFound } from './api-errors.js';
import type { Cluster } from './cluster.js';
import { list, merge, ref, type Reference } from './objects.js';

/*
 * What the host cluster refused, by quota or admission, is tried again by whoever wanted to make it, after pauses that grow
 * to minutes. A change to the object that stands for it makes them try at once, which a create that resumes does not
 * want to wait for.
 */

const retried = 'vcdemo.io/retried';
/** Whoever works in the virtual cluster can make any number of events. */
const atMost = { events: 250, objects: 50 };

/**
 * Lets vcluster try again to copy to the host cluster what it could not; it notes each with an event, which it renews at
 * every attempt.
 */
export async function retryRefused(cluster: Cluster): Promise<void> {
  const fields = { reason: 'SyncError', type: 'Warning' };
  const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { fields, atMost: atMost.events });
  for (const refused of distinct(events).slice(0, atMost.objects)) await touch(cluster, refused);
}

/** Lets the host cluster try again to make the pods of a workload; a control plane without a volume is a Deployment. */
export async function retryWorkload(host: Cluster, namespace: string, name: string): Promise<void> {
  for (const kind of ['StatefulSet', 'Deployment']) await touch(host, ref('apps/v1', kind, name, namespace));
}

function distinct(events: CoreV1Event[]): Reference[] {
  const references = events.map(({ involvedObject: { apiVersion = 'v1', kind, name, namespace } }) =>
    ref(apiVersion, kind ?? 'Pod', name ?? '', namespace),
  );
  return [...new Map(references.map((reference) => [JSON.stringify(reference), reference])).values()];
}

async function touch(cluster: Cluster, reference: Reference): Promise<void> {
  const annotations = { [retried]: new Date().toISOString() };
  await merge(cluster, reference, { metadata: { annotations } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error; // deleted since
  });
}
