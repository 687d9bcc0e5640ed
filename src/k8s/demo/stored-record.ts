import type { V1ConfigMap, V1Namespace } from '@kubernetes/client-node';
import * as z from 'zod';
import { demoName } from '../../commands/payload.js';
import { messageOf, UserError } from '../../errors.js';
import { parseJson } from '../../json.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import { ref, type Reference } from '../client/manifest.js';
import { demoLabels, lackingLabel, namespaceBase, placesOf, publicNameOf, type Demo } from './demo.js';
import { existingPlaces, isListed, uidsOf } from './own-namespaces.js';
import { recordSchema, storedRecord, type DemoRecord } from './record-schema.js';

/*
 * The record of a demo: a ConfigMap in the workers' own namespace, which only they can write. A demo consists of exactly
 * the namespaces whose UIDs it lists. Labels and annotations of namespaces decide nothing, because others can write them.
 */

const recordKey = 'record';
const recordPrefix = 'vcdemo-';
const recordName = (demo: string) => `${recordPrefix}${demo}`;

/** The demo that a record belongs to, whatever is in it; its label may have another name, which stands for the demo's. */
export const recordedName = ({ metadata }: V1ConfigMap): string => (metadata?.name ?? '').slice(recordPrefix.length);

/** Whether a ConfigMap is the record of a demo: workers keep others besides. */
export const isRecord = ({ data }: V1ConfigMap): boolean => data?.[recordKey] !== undefined;

/** A demo whose record, or an old demo's annotations, cannot be parsed: it is shown, and otherwise left alone. */
export interface UnreadableDemo {
  name: string;
  problem: string;
  /** Where another installation keeps its record, if that is why. */
  managedIn?: string;
  /** The warm pair whose namespaces it has, if its record still says so. */
  pair?: string;
}

const withPair = z.object({ pair: demoName });

/** The pair that a demo was made of, by a record that may turn out to be unreadable. */
const pairIn = ({ data }: V1ConfigMap): string | undefined =>
  withPair.safeParse(parseJson(data?.[recordKey] ?? '')).data?.pair;

/** What the names of the namespaces begin with, by such a record. */
export const baseIn = (record: V1ConfigMap, name: string): string => pairIn(record) ?? name;

export const recordReference = (host: Cluster, demo: string): Reference =>
  ref('v1', 'ConfigMap', recordName(demo), homeNamespace(host.access));

export function ofRecord(
  host: Cluster,
  configMap: V1ConfigMap,
  namespaces: readonly V1Namespace[],
): Demo | UnreadableDemo {
  try {
    const record = parseRecord(host, configMap);
    const own = namespaces.filter((namespace) => isListed(record, namespace));
    const { version: _, ...fields } = record;
    const base = namespaceBase(record);
    return {
      ...fields,
      hostCluster: host.access.hostCluster,
      claimNamespace: homeNamespace(host.access),
      namespaceUids: { ...record.namespaceUids, ...uidsOf(base, own) },
      places: existingPlaces(base, own),
      isUnlabelled: placesOf(base).some(({ name, namespace }) =>
        own.some(
          ({ metadata }) =>
            metadata?.name === namespace && lackingLabel(metadata.labels, publicNameOf(record), name) !== undefined,
        ),
      ),
    };
  } catch (error) {
    const pair = pairIn(configMap);
    return { name: recordedName(configMap), problem: messageOf(error), ...(pair !== undefined && { pair }) };
  }
}

/** @throws UserError `record-unreadable` */
export function parseRecord(host: Cluster, record: V1ConfigMap): DemoRecord {
  const name = recordedName(record);
  const parsed = storedRecord.safeParse(parseJson(record.data?.[recordKey] ?? ''));
  if (parsed.success && parsed.data.name === name) return parsed.data;
  const problem = parsed.success ? 'it belongs to another demo' : z.prettifyError(parsed.error).slice(0, 300);
  throw unreadable(host, { name, problem });
}

export function unreadable(host: Cluster, { name, problem }: UnreadableDemo): UserError {
  const where = `ConfigMap ${recordName(name)} in namespace ${homeNamespace(host.access)}`;
  return new UserError('record-unreadable', `The record of demo ${name} cannot be read: ${problem}`, {
    hint: `Nothing was changed. The vcdemo operators can repair ${where}, or delete the demo's namespaces and the record by hand.`,
  });
}

/**
 * What could not be read again is not written: nobody could delete such a demo, and it would never expire.
 * @throws UserError `record-not-writable`
 */
export function recordManifest(host: Cluster, demo: Demo, present?: V1ConfigMap) {
  const { hostCluster: _, claimNamespace: __, places: ___, isUnlabelled: ____, ...fields } = demo;
  const written = JSON.stringify({ version: 1, ...fields });
  const { error } = recordSchema.safeParse(parseJson(written));
  if (error)
    throw new UserError(
      'record-not-writable',
      `This does not fit into the record of demo ${demo.name}: ${z.prettifyError(error).slice(0, 300)}`,
      { hint: 'Nothing was changed. Use fewer or shorter values, or tell the vcdemo operators.' },
    );
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: recordName(demo.name),
      namespace: homeNamespace(host.access),
      labels: demoLabels(publicNameOf(demo)),
      ...(present && { resourceVersion: present.metadata?.resourceVersion }),
    },
    data: { [recordKey]: written },
  };
}
