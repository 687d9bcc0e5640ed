import { createHash } from 'node:crypto';
import type { V1Namespace } from '@kubernetes/client-node';
import {
  demoLabels,
  namespaceBase,
  placesOf,
  publicNameOf,
  type Demo,
  type VirtualClusterName,
  type VirtualClusterPlace,
} from './demo.js';

/* Which namespaces belong to a demo, and what is written on them. */

/** Ties a new namespace to its record until the record lists its UID; it cannot be forged without the record's id. */
export const proofAnnotation = 'vcdemo.io/record';

/** What is written on a demo's namespaces; an earlier version had no record besides. */
export const annotations = {
  ownerId: 'vcdemo.io/owner-id',
  ownerName: 'vcdemo.io/owner-name',
  channel: 'vcdemo.io/channel',
  created: 'vcdemo.io/created',
  expires: 'vcdemo.io/expires',
  state: 'vcdemo.io/state',
  problem: 'vcdemo.io/problem',
  claims: 'vcdemo.io/claims',
} as const;

/** The labels and annotations of a new namespace; they are for people. */
export function namespaceMetadata(demo: Demo, place: VirtualClusterPlace) {
  return {
    name: place.namespace,
    labels: demoLabels(publicNameOf(demo), place.name),
    annotations: { [proofAnnotation]: proofOf(demo, place.name), ...namespaceNotes(demo) },
  };
}

/** What a namespace says of its demo, without the proof: one that exists needs none, and has the UID of which the next is made. */
export const namespaceNotes = (demo: Demo): Record<string, string> => ({
  [annotations.ownerId]: demo.owner.id,
  [annotations.ownerName]: demo.owner.name,
  [annotations.channel]: demo.channel,
  [annotations.created]: demo.created.toISOString(),
  ...(demo.claimNamespace && { [annotations.claims]: demo.claimNamespace }),
});

/** A namespace is listed by its UID, or proves that a worker created it for this record but died before recording it. */
export function isListed(
  record: Pick<Demo, 'name' | 'id' | 'pair' | 'namespaceUids'>,
  { metadata }: V1Namespace,
): boolean {
  const place = placesOf(namespaceBase(record)).find(({ namespace }) => namespace === metadata?.name);
  if (!place) return false;
  return (
    record.namespaceUids[place.name] === metadata?.uid ||
    metadata?.annotations?.[proofAnnotation] === proofOf(record, place.name)
  );
}

/** Includes the UID of the previous namespace, so that an old proof is worthless. */
const proofOf = ({ id, namespaceUids }: Pick<Demo, 'id' | 'namespaceUids'>, place: VirtualClusterName): string =>
  createHash('sha256')
    .update([id, place, namespaceUids[place] ?? ''].join('/'))
    .digest('hex');

/** The places whose namespaces exist. */
export const existingPlaces = (base: string, namespaces: readonly V1Namespace[]): VirtualClusterPlace[] =>
  placesOf(base).filter(({ namespace }) => namespaces.some(({ metadata }) => metadata?.name === namespace));

export const uidsOf = (base: string, namespaces: readonly V1Namespace[]): Demo['namespaceUids'] =>
  Object.fromEntries(
    placesOf(base).flatMap(({ name, namespace }) =>
      namespaces.filter(({ metadata }) => metadata?.name === namespace).map(({ metadata }) => [name, metadata?.uid]),
    ),
  );
