import type { V1ConfigMap, V1Namespace } from '@kubernetes/client-node';
import { ApiError, isOvertaken } from '../client/api-errors.js';
import { homeNamespace, type Cluster } from '../client/cluster.js';
import { pathOf } from '../client/discovery.js';
import { collect, pages } from '../client/lists.js';
import { ref } from '../client/manifest.js';
import { contains, create, read, remove } from '../client/objects.js';
import { findEnd, noteEnd } from './demo-end.js';
import { awakeDemo } from './demo-life.js';
import {
  demoLabels,
  labels,
  placesOf,
  problemOf,
  type Demo,
  type DemoState,
  type VirtualClusterPlace,
} from './demo.js';
import { ofNamespaces } from './earlier-demo.js';
import { managedElsewhere } from './managed-by.js';
import { isListed } from './own-namespaces.js';
import type { DemoRecord } from './record-schema.js';
import {
  baseIn,
  isRecord,
  ofRecord,
  parseRecord,
  recordedName,
  recordManifest,
  recordReference,
  unreadable,
  type UnreadableDemo,
} from './stored-record.js';

/* Finding, listing and changing demos by their records (stored-record.ts). */

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
  const recorded = records.filter(isRecord);
  // The namespaces of a pair have its label until its demo gives them another.
  const known = new Set(
    recorded.flatMap((record) => {
      const name = recordedName(record);
      return [name, baseIn(record, name)];
    }),
  );
  const listed = new Map(namespaces.map((namespace) => [namespace.metadata.name, namespace]));
  const all = [
    ...(await Promise.all(
      recorded.map(async (record) => {
        const planned = await readPlanned(host, baseIn(record, recordedName(record)), listed);
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
      if (!isOvertaken(error) || attempt === 10) throw error;
      // An attempt whose answer was lost has written it: changing it once more could be refused, or count twice.
      const isOwn = error instanceof ApiError && error.mayBeOwnDoing;
      if (isOwn && contains(await read(host, recordReference(host, demo.name)), { data: body.data })) return changed;
    }
  }
}

/** Changes a demo that exists; undefined if it was deleted meanwhile, even if another one has its name now. */
export async function changeExisting(
  host: Cluster,
  demo: Demo,
  change: (current: Demo) => Demo,
): Promise<Demo | undefined> {
  if (!(await hasRecord(host, demo.name))) {
    // A pair without its record has become a demo, even if its namespaces have its label for another moment.
    if (demo.warm) return undefined;
    // A demo of an earlier version gets its record, and with it its id, now.
    return (await findDemo(host, demo.name)) && changeRecord(host, demo, change);
  }
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
    ...awakeDemo(current, host.now()),
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

/** Whether a namespace of this name belongs to the demo. */
export async function isOwnNamespace(host: Cluster, demo: Demo, namespace: V1Namespace): Promise<boolean> {
  const record = await read<V1ConfigMap>(host, recordReference(host, demo.name));
  const present = record && parseRecord(host, record);
  if (present) return isListed(present, namespace);
  const found = ofNamespaces(host, demo.name, [namespace]);
  return found !== undefined && 'id' in found;
}
