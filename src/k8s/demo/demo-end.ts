import type { V1ConfigMap } from '@kubernetes/client-node';
import * as z from 'zod';
import { parseJson } from '../../json.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import type { Demo } from './demo.js';
import { create, read, remove } from '../client/objects.js';
import { pages } from '../client/lists.js';
import { ref, type Reference } from '../client/manifest.js';

/*
 * What the workers remember of a demo that is gone: until when commands for its name are over. Without it, somebody who can
 * write to Redis could repeat the signed create of a deleted demo, and after that everything else that was asked of it.
 */

/** The last job that worked on the demo. */
type DemoEnd = NonNullable<Demo['begun']>;

const endKey = 'end';
const endLabels = { 'vcdemo.io/record': 'ended' };
/** The dot keeps it apart from the records of all demos. */
const endReference = (host: Cluster, demo: string): Reference =>
  ref('v1', 'ConfigMap', `vcdemo-${demo}.ended`, homeNamespace(host.access));

const endSchema = z.object({
  jobId: z.string().max(100),
  askedAt: z.iso.datetime().transform((text) => new Date(text)),
});

/** Notes the end of a demo; its record still exists, so that an interrupted deletion comes here again. */
export async function noteEnd(host: Cluster, demo: string, end: DemoEnd): Promise<void> {
  const reference = endReference(host, demo);
  await remove(host, reference);
  await create(host, {
    ...reference,
    metadata: { ...reference.metadata, labels: endLabels },
    data: { [endKey]: JSON.stringify(end) },
  });
}

/** The end of the last demo of this name, if commands from before it may still be in Redis. */
export async function findEnd(host: Cluster, demo: string): Promise<DemoEnd | undefined> {
  const found = await read<V1ConfigMap>(host, endReference(host, demo));
  if (!found) return undefined;
  const noted = endSchema.safeParse(parseJson(found.data?.[endKey] ?? '')).data;
  // If somebody has overwritten it, what was sent before it was noted is over.
  return noted ?? { jobId: '', askedAt: new Date(found.metadata.creationTimestamp ?? host.now()) };
}

/** Forgets the ends that were noted longer than `keptMs` ago, when workers refuse commands from that time anyway. */
export async function dropEnds(host: Cluster, keptMs: number): Promise<void> {
  const where = { namespace: homeNamespace(host.access), labels: endLabels, metadataOnly: true };
  for await (const page of pages(host, 'v1', 'ConfigMap', where))
    for (const { metadata } of page) {
      const { name, namespace, uid, creationTimestamp } = metadata;
      if (creationTimestamp && host.now().getTime() - new Date(creationTimestamp).getTime() > keptMs)
        await remove(host, ref('v1', 'ConfigMap', name, namespace), { uid });
    }
}
