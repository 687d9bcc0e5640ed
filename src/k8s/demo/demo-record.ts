import { createHash, randomUUID } from 'node:crypto';
import type { KubernetesObject, V1ConfigMap, V1Namespace } from '@kubernetes/client-node';
import { z } from 'zod';
import { demoName } from '../../commands/payload.js';
import { messageOf, UserError } from '../../errors.js';
import { parseJson } from '../../json.js';
import { isConflict, isNotFound } from '../client/api-errors.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import {
  awakeDemo,
  demoLabels,
  demoStates,
  labels,
  lackingLabel,
  placesOf,
  namespaceBase,
  problemOf,
  publicNameOf,
  type Demo,
  type DemoState,
  type VirtualClusterName,
  type VirtualClusterPlace,
} from './demo.js';
import { findEnd, noteEnd } from './demo-end.js';
import { elsewhere, managedElsewhere } from './managed-by.js';
import { create, read, remove } from '../client/objects.js';
import { pages } from '../client/lists.js';
import { pathOf } from '../client/discovery.js';
import { ref, type Reference } from '../client/manifest.js';
import type { Found } from '../client/answers.js';
import { channel, date, person, recordSchema, storedRecord, text, type DemoRecord } from './record-schema.js';

/*
 * The record of a demo: a ConfigMap in the workers' own namespace, which only they can write. A demo consists of exactly
 * the namespaces whose UIDs it lists. Labels and annotations of namespaces decide nothing, because others can write them.
 */

const recordKey = 'record';
const recordName = (demo: string) => `vcdemo-${demo}`;

/** Ties a new namespace to its record until the record lists its UID; it cannot be forged without the record's id. */
const proofAnnotation = 'vcdemo.io/record';

/** A demo whose record, or an old demo's annotations, cannot be parsed: it is shown, and otherwise left alone. */
export interface UnreadableDemo {
  name: string;
  problem: string;
  /** Where another installation keeps its record, if that is why. */
  managedIn?: string;
}

export interface DemoList {
  /** Oldest first. */
  demos: Demo[];
  unreadable: UnreadableDemo[];
}

/** Everything that workers have made in a host cluster. */
export interface AllDemos extends DemoList {
  /** Warm pairs, which are nobody's demos yet; oldest first. */
  pairs: Demo[];
}

/**
 * The demo or warm pair, or undefined if there is none.
 * @throws UserError `record-unreadable`; Refusal `managed-elsewhere`
 */
export async function findDemo(host: Cluster, name: string): Promise<Demo | undefined> {
  const [record, planned] = await Promise.all([
    read<V1ConfigMap>(host, recordReference(host, name)),
    readPlanned(host, name),
  ]);
  const base = record ? baseIn(record, name) : name;
  const namespaces = base === name ? planned : await readPlanned(host, base);
  const labelled = () => namespaces.filter((namespace) => hasLabelsOf(name, namespace));
  const found = record ? ofRecord(host, record, namespaces) : ofNamespaces(host, name, labelled());
  if (found === undefined || 'id' in found) return found;
  const { managedIn } = found;
  throw managedIn === undefined ? unreadable(host, found) : managedElsewhere(host, name, managedIn);
}

/** All demos and warm pairs. */
export async function listDemos(host: Cluster): Promise<AllDemos> {
  const selector = { labels: { [labels.managedBy]: 'vcdemo' } };
  const [records, namespaces] = await Promise.all([
    collect<V1ConfigMap>(pages(host, 'v1', 'ConfigMap', { namespace: homeNamespace(host.access), ...selector })),
    collect<V1Namespace>(pages(host, 'v1', 'Namespace', { ...selector, metadataOnly: true })),
  ]);
  const ofDemo = groupByDemo(namespaces);
  const recorded = records.filter(({ data }) => data?.[recordKey] !== undefined);
  // The namespaces of a pair have its label until its demo gives them another.
  const known = new Set(
    recorded.flatMap((record) => {
      const name = record.metadata.labels[labels.demo] ?? '';
      return [name, baseIn(record, name)];
    }),
  );
  const listed = new Map(namespaces.map((namespace) => [namespace.metadata.name, namespace]));
  const all = [
    ...(await Promise.all(
      recorded.map(async (record) => {
        const name = record.metadata.labels[labels.demo];
        const planned = name === undefined ? [] : await readPlanned(host, baseIn(record, name), listed);
        return ofRecord(host, record, planned);
      }),
    )),
    ...[...ofDemo].filter(([name]) => !known.has(name)).map(([name, members]) => ofNamespaces(host, name, members)),
  ].filter((each) => each !== undefined);
  const readable = all
    .filter((each): each is Demo => 'id' in each)
    .sort((a, b) => a.created.getTime() - b.created.getTime());
  return {
    demos: readable.filter(({ warm }) => warm === undefined),
    unreadable: all.filter((each): each is UnreadableDemo => !('id' in each)),
    pairs: readable.filter(({ warm }) => warm !== undefined),
  };
}

/** All pages; of what came twice, the last. */
async function collect<Kind extends KubernetesObject>(listed: AsyncGenerator<Found<Kind>[]>): Promise<Found<Kind>[]> {
  const found = new Map<string, Found<Kind>>();
  for await (const page of listed) for (const each of page) found.set(each.metadata.name, each);
  return [...found.values()];
}

const withPair = z.object({ pair: demoName });

/** What the names of the namespaces begin with, by a record that may turn out to be unreadable. */
function baseIn({ data }: V1ConfigMap, name: string): string {
  const parsed = withPair.safeParse(parseJson(data?.[recordKey] ?? ''));
  return parsed.success ? parsed.data.pair : name;
}

/**
 * The namespaces whose names begin like this, whoever they belong to. They are read by name, because a demo would escape its
 * deletion if a missing label could hide its namespaces.
 */
async function readPlanned(
  host: Cluster,
  base: string,
  known: ReadonlyMap<string, V1Namespace> = new Map(),
): Promise<V1Namespace[]> {
  const present = await Promise.all(
    placesOf(base).map(
      async ({ namespace }) =>
        known.get(namespace) ?? (await read<V1Namespace>(host, ref('v1', 'Namespace', namespace))),
    ),
  );
  return present.filter((namespace) => namespace !== undefined);
}

const hasLabelsOf = (demo: string, { metadata }: V1Namespace): boolean =>
  Object.entries(demoLabels(demo)).every(([key, value]) => metadata?.labels?.[key] === value);

function groupByDemo(namespaces: readonly V1Namespace[]): Map<string, V1Namespace[]> {
  const groups = new Map<string, V1Namespace[]>();
  for (const namespace of namespaces) {
    const name = namespace.metadata?.labels?.[labels.demo];
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), namespace]);
  }
  return groups;
}

/** Applies `change` to the current record of a demo, creating the record if there is none. */
export async function changeRecord(
  host: Cluster,
  demo: Demo,
  change: (current: Demo) => Demo,
  mayMake = true,
): Promise<Demo> {
  for (let attempt = 1; ; attempt++) {
    const present = await read<V1ConfigMap>(host, recordReference(host, demo.name));
    const record = present && parseRecord(host, present);
    const current = record ? currentDemo(demo, record) : demo;
    const changed = change(current);
    if (present && changed === current) return current;
    const body = recordManifest(host, changed, present);
    try {
      if (present)
        await host.request({ method: 'PUT', path: await pathOf(host, recordReference(host, demo.name)), body });
      else if (mayMake) await create(host, body);
      return changed;
    } catch (error) {
      // Somebody else was faster: try again. The steps on both clusters can write at the same time.
      if (!(isConflict(error) || isNotFound(error)) || attempt === 10) throw error;
    }
  }
}

/** Changes a demo that exists; undefined if it was deleted meanwhile, even if another one has its name now. */
export async function changeExisting(
  host: Cluster,
  demo: Demo,
  change: (current: Demo) => Demo,
): Promise<Demo | undefined> {
  // A demo of an earlier version gets its record, and with it its id, now.
  if (!(await hasRecord(host, demo.name))) return (await findDemo(host, demo.name)) && changeRecord(host, demo, change);
  let isOther = false;
  const ofOwn = (current: Demo) => {
    isOther = current.id !== demo.id;
    return isOther ? current : change(current);
  };
  const changed = await changeRecord(host, demo, ofOwn, false);
  return !isOther && (await hasRecord(host, demo.name)) ? changed : undefined;
}

/** Whether a demo, as it was found later, has been deleted meanwhile or is being deleted; another may have its name. */
export const isGone = ({ created }: Demo, found: Demo | undefined): boolean =>
  found === undefined || found.state === 'deleting' || found.created.getTime() !== created.getTime();

/** The demo as it is recorded: what was removed from its record since it was read is gone. */
function currentDemo(
  { hostCluster, claimNamespace, places, namespaceUids }: Demo,
  { version: _, ...recorded }: DemoRecord,
): Demo {
  const uids = { ...namespaceUids, ...recorded.namespaceUids };
  return { ...recorded, hostCluster, claimNamespace, places, namespaceUids: uids };
}

/** Records where the demo's card is, unless the demo has been deleted meanwhile. */
export async function noteCard(host: Cluster, demo: Demo, card: NonNullable<Demo['card']>): Promise<void> {
  await changeExisting(host, demo, (current) => ({ ...current, card }));
}

/** Records the state of the demo. */
export const markDemo = (host: Cluster, demo: Demo, state: DemoState, problem?: string): Promise<Demo> =>
  changeRecord(host, demo, (current) => ({
    ...current,
    state,
    problem: problem === undefined ? undefined : problemOf(problem),
  }));

/** Records that a job begins to create or delete the demo. */
export const beginWork = (
  host: Cluster,
  demo: Demo,
  state: 'creating' | 'deleting',
  { id: jobId, askedAt }: { id: string; askedAt: Date },
): Promise<Demo> =>
  changeRecord(host, demo, (current) => ({
    ...awakeDemo(current, new Date()),
    state,
    problem: current.state === state ? current.problem : undefined,
    begun: { jobId, askedAt },
  }));

/** Records that a namespace belongs to the demo. */
export const noteNamespace = (host: Cluster, demo: Demo, { name }: VirtualClusterPlace, uid: string): Promise<Demo> =>
  changeRecord(host, demo, (current) => ({ ...current, namespaceUids: { ...current.namespaceUids, [name]: uid } }));

/** Deletes the record of a demo of which nothing is left, but remembers which commands are over with it. */
export async function forgetDemo(host: Cluster, { name, begun }: Pick<Demo, 'name' | 'begun'>): Promise<void> {
  if (begun) await noteEnd(host, name, begun);
  await remove(host, recordReference(host, name));
}

/** Whether this job has ended the last demo of this name. */
export const hasEnded = async (host: Cluster, name: string, jobId: string): Promise<boolean> =>
  !(await hasRecord(host, name)) && (await findEnd(host, name))?.jobId === jobId;

export const hasRecord = async (host: Cluster, name: string): Promise<boolean> =>
  (await read(host, recordReference(host, name))) !== undefined;

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

/** Whether a namespace of this name belongs to the demo. */
export async function isOwnNamespace(host: Cluster, demo: Demo, namespace: V1Namespace): Promise<boolean> {
  const record = await read<V1ConfigMap>(host, recordReference(host, demo.name));
  const present = record && parseRecord(host, record);
  if (present) return isListed(present, namespace);
  const found = ofNamespaces(host, demo.name, [namespace]);
  return found !== undefined && 'id' in found;
}

// ------------------------------------------------------------------ records

const recordReference = (host: Cluster, demo: string): Reference =>
  ref('v1', 'ConfigMap', recordName(demo), homeNamespace(host.access));

function ofRecord(host: Cluster, configMap: V1ConfigMap, namespaces: readonly V1Namespace[]): Demo | UnreadableDemo {
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
      places: existing(base, own),
      isUnlabelled: placesOf(base).some(({ name, namespace }) =>
        own.some(
          ({ metadata }) =>
            metadata?.name === namespace && lackingLabel(metadata.labels, publicNameOf(record), name) !== undefined,
        ),
      ),
    };
  } catch (error) {
    const name = configMap.metadata?.labels?.[labels.demo] ?? configMap.metadata?.name ?? '';
    return { name, problem: messageOf(error) };
  }
}

const existing = (base: string, namespaces: readonly V1Namespace[]): VirtualClusterPlace[] =>
  placesOf(base).filter(({ namespace }) => namespaces.some(({ metadata }) => metadata?.name === namespace));

const uidsOf = (base: string, namespaces: readonly V1Namespace[]): Demo['namespaceUids'] =>
  Object.fromEntries(
    placesOf(base).flatMap(({ name, namespace }) =>
      namespaces.filter(({ metadata }) => metadata?.name === namespace).map(({ metadata }) => [name, metadata?.uid]),
    ),
  );

/** @throws UserError `record-unreadable` */
function parseRecord(host: Cluster, { metadata, data }: V1ConfigMap): DemoRecord {
  const name = metadata?.labels?.[labels.demo] ?? '';
  const parsed = storedRecord.safeParse(parseJson(data?.[recordKey] ?? ''));
  if (parsed.success && recordName(parsed.data.name) === metadata?.name) return parsed.data;
  const problem = parsed.success ? 'it belongs to another demo' : z.prettifyError(parsed.error).slice(0, 300);
  throw unreadable(host, { name, problem });
}

function unreadable(host: Cluster, { name, problem }: UnreadableDemo): UserError {
  const where = `ConfigMap ${recordName(name)} in namespace ${homeNamespace(host.access)}`;
  return new UserError('record-unreadable', `The record of demo ${name} cannot be read: ${problem}`, {
    hint: `Nothing was changed. The vcdemo operators can repair ${where}, or delete the demo's namespaces and the record by hand.`,
  });
}

/** A namespace is listed by its UID, or proves that a worker created it for this record but died before recording it. */
function isListed(record: DemoRecord, { metadata }: V1Namespace): boolean {
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

/**
 * What could not be read again is not written: nobody could delete such a demo, and it would never expire.
 * @throws UserError `record-not-writable`
 */
function recordManifest(host: Cluster, demo: Demo, present?: V1ConfigMap) {
  const { hostCluster: _, claimNamespace: __, places: ___, isUnlabelled: ____, ...fields } = demo;
  const written = JSON.stringify({ version: 1, ...fields });
  const { error } = recordSchema.safeParse(parseJson(written));
  if (error)
    throw new UserError(
      'record-not-writable',
      `This does not fit into the record of demo ${demo.name}: ${z.prettifyError(error).slice(0, 300)}`,
      { hint: 'Nothing was changed. Give fewer or shorter values, or tell the vcdemo operators.' },
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

// ------------------------------------------------------------------ demos of earlier versions

/** What an earlier version without records wrote on a demo's namespaces. */
const annotations = {
  ownerId: 'vcdemo.io/owner-id',
  ownerName: 'vcdemo.io/owner-name',
  channel: 'vcdemo.io/channel',
  created: 'vcdemo.io/created',
  expires: 'vcdemo.io/expires',
  state: 'vcdemo.io/state',
  problem: 'vcdemo.io/problem',
  claims: 'vcdemo.io/claims',
} as const;

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
function ofNamespaces(
  host: Cluster,
  name: string,
  namespaces: readonly V1Namespace[],
): Demo | UnreadableDemo | undefined {
  const planned = placesOf(name);
  const own = namespaces.filter(({ metadata }) => planned.some(({ namespace }) => namespace === metadata?.name));
  const [first] = own.toSorted((a, b) => String(a.metadata?.name).localeCompare(String(b.metadata?.name)));
  if (first === undefined || !demoName.safeParse(name).success) return undefined;
  const noted = first.metadata?.annotations ?? {};
  const claimNamespace = noted[annotations.claims]?.slice(0, 63); // as long as a name can be
  if (claimNamespace !== undefined && claimNamespace !== homeNamespace(host.access))
    return {
      name,
      problem: elsewhere(claimNamespace),
      managedIn: claimNamespace,
    };
  if (noted[proofAnnotation] !== undefined) return { name, problem: 'its record is missing' };
  const parsed = annotatedSchema.safeParse(noted);
  if (!parsed.success) return { name, problem: z.prettifyError(parsed.error).slice(0, 300) };
  const { data } = parsed;
  const created = data[annotations.created] ?? new Date(first.metadata?.creationTimestamp ?? Date.now());
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
    claimNamespace,
    namespaceUids: uidsOf(name, own),
    places: existing(name, own),
  };
}
