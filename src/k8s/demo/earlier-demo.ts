import { randomUUID } from 'node:crypto';
import type { V1Namespace } from '@kubernetes/client-node';
import * as z from 'zod';
import { demoName } from '../../commands/payload.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import { demoStates, placesOf, type Demo } from './demo.js';
import { elsewhere } from './managed-by.js';
import { annotations, existingPlaces, proofAnnotation, uidsOf } from './own-namespaces.js';
import { channel, date, person, text } from './record-schema.js';
import type { UnreadableDemo } from './stored-record.js';

const annotatedSchema = z.object({
  [annotations.ownerId]: person.shape.id,
  [annotations.ownerName]: person.shape.name.default(''),
  [annotations.channel]: channel,
  [annotations.created]: date.optional(),
  [annotations.expires]: date,
  [annotations.state]: z.enum(demoStates).default('creating'),
  [annotations.problem]: text(500).optional(),
});

/**
 * A demo without a record, created by an earlier version. It gets its record with the next write. Namespaces with the proof
 * of a record are not such demos: their record belongs to another installation, or was deleted by hand.
 */
export function ofNamespaces(
  host: Cluster,
  name: string,
  namespaces: readonly V1Namespace[],
): Demo | UnreadableDemo | undefined {
  if (!demoName.safeParse(name).success) return undefined;
  const managedIn = otherInstallation(host, namespaces);
  if (managedIn !== undefined) return { name, problem: elsewhere(managedIn), managedIn };
  const planned = placesOf(name);
  const own = namespaces.filter(({ metadata }) => planned.some(({ namespace }) => namespace === metadata?.name));
  const [first] = own.toSorted((a, b) => String(a.metadata?.name).localeCompare(String(b.metadata?.name)));
  if (first === undefined) return undefined;
  const noted = first.metadata?.annotations ?? {};
  if (noted[proofAnnotation] !== undefined) return { name, problem: 'its record is missing' };
  const parsed = annotatedSchema.safeParse(noted);
  if (!parsed.success) return { name, problem: z.prettifyError(parsed.error).slice(0, 300) };
  const { data } = parsed;
  const created = data[annotations.created] ?? new Date(first.metadata?.creationTimestamp ?? host.now());
  return {
    name,
    hostCluster: host.access.hostCluster,
    id: randomUUID(),
    owner: { id: data[annotations.ownerId], name: data[annotations.ownerName] },
    channel: data[annotations.channel],
    created,
    ttlMs: Math.max(1, data[annotations.expires].getTime() - created.getTime()),
    expires: data[annotations.expires],
    state: data[annotations.state],
    ready: created,
    problem: data[annotations.problem],
    files: [],
    revoked: [],
    shared: [],
    audit: [],
    done: [],
    claimNamespace: claimsOf(first),
    namespaceUids: uidsOf(name, own),
    places: existingPlaces(name, own),
  };
}

/** As long as a name can be. */
const claimsOf = ({ metadata }: V1Namespace): string | undefined =>
  metadata?.annotations?.[annotations.claims]?.slice(0, 63);

/** Where another installation keeps the record of their demo, whose namespaces may be called like the warm pair that it was. */
const otherInstallation = (host: Cluster, namespaces: readonly V1Namespace[]): string | undefined =>
  namespaces.map(claimsOf).find((claims) => claims !== undefined && claims !== homeNamespace(host.access));
