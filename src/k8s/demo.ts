import type { V1Namespace } from '@kubernetes/client-node';
import { isNotFound } from './api-errors.js';
import type { Cluster } from './cluster.js';
import { list, merge, ref } from './objects.js';

/*
 * A demo is its labelled objects in the host cluster; there is no other record of it. Its parts are found by these
 * labels, never by a name pieced together, so that a pair of clusters made in advance can be handed to a demo.
 */

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  demo: 'vcdemo.io/demo',
  virtualCluster: 'vcdemo.io/virtual-cluster',
} as const;

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

/** `creating` until the first create has ended, then how it ended. */
export const demoStates = ['creating', 'ready', 'failed', 'deleting'] as const;
export type DemoState = (typeof demoStates)[number];

export const virtualClusterNames = ['vc1', 'vc2'] as const;
export type VirtualClusterName = (typeof virtualClusterNames)[number];

/** One of the two virtual clusters, as the host cluster knows it. */
export interface VirtualClusterPlace {
  name: VirtualClusterName;
  /** In the host cluster. */
  namespace: string;
}

export interface Demo {
  name: string;
  owner: { id: string; name: string };
  /** Slack's id of the channel in which it was asked for. */
  channel: string;
  created: Date;
  expires: Date;
  state: DemoState;
  /** Why the last create or delete failed. */
  problem?: string;
  /** Where the workers that made it keep the claims on it; unknown of one that was made by an earlier version. */
  claimNamespace?: string;
  /** One where the other was not made or is deleted already. */
  places: VirtualClusterPlace[];
}

/** What every object of a demo in the host cluster carries. */
export function demoLabels(demo: string, virtualCluster?: VirtualClusterName): Record<string, string> {
  return {
    [labels.managedBy]: 'vcdemo',
    [labels.demo]: demo,
    ...(virtualCluster && { [labels.virtualCluster]: virtualCluster }),
  };
}

/** A demo that does not exist yet. */
export function planDemo(request: {
  name: string;
  owner: { id: string; name: string };
  channel: string;
  now: Date;
  ttlMs: number;
  claimNamespace: string;
}): Demo {
  const { name, owner, channel, now, ttlMs, claimNamespace } = request;
  return {
    name,
    owner,
    channel,
    created: now,
    expires: new Date(now.getTime() + ttlMs),
    state: 'creating',
    claimNamespace,
    places: virtualClusterNames.map((cluster) => ({ name: cluster, namespace: `${name}-${cluster}` })),
  };
}

/** The demo, or undefined where nothing of it is in the host cluster. */
export async function findDemo(host: Cluster, name: string): Promise<Demo | undefined> {
  return demosOf(await list<V1Namespace>(host, 'v1', 'Namespace', { labels: demoLabels(name) }))[0];
}

/** All demos, the oldest first. */
export async function listDemos(host: Cluster): Promise<Demo[]> {
  return demosOf(await list<V1Namespace>(host, 'v1', 'Namespace', { labels: { [labels.managedBy]: 'vcdemo' } }));
}

/** Whether a demo's time is over. */
export const isExpired = ({ expires }: Demo): boolean => expires.getTime() <= Date.now();

/** Completes a demo of which only one namespace was made, so that create can resume it. */
export function withMissingPlaces(demo: Demo): Demo {
  const planned = virtualClusterNames.map((cluster) => ({ name: cluster, namespace: `${demo.name}-${cluster}` }));
  return { ...demo, places: planned.map((place) => demo.places.find(({ name }) => name === place.name) ?? place) };
}

/** What of a failure is noted. */
export const problemOf = (message: string): string => message.slice(0, 500);

/** Notes in the host cluster how far the demo is; every namespace says the same. */
export async function markDemo(host: Cluster, demo: Demo, state: DemoState, problem?: string): Promise<void> {
  const note = { [annotations.state]: state, [annotations.problem]: problem === undefined ? null : problemOf(problem) };
  for (const { namespace } of demo.places)
    await merge(host, ref('v1', 'Namespace', namespace), { metadata: { annotations: note } }).catch(
      (error: unknown) => {
        // Of a demo that is being deleted, the namespace may be gone by now.
        if (!(state === 'deleting' && isNotFound(error))) throw error;
      },
    );
}

/** The labels and annotations by which a namespace belongs to a demo. */
export function namespaceMetadata(demo: Demo, place: VirtualClusterPlace) {
  return {
    name: place.namespace,
    labels: demoLabels(demo.name, place.name),
    annotations: {
      [annotations.ownerId]: demo.owner.id,
      [annotations.ownerName]: demo.owner.name,
      [annotations.channel]: demo.channel,
      [annotations.created]: demo.created.toISOString(),
      [annotations.expires]: demo.expires.toISOString(),
      [annotations.state]: demo.state,
      ...(demo.claimNamespace && { [annotations.claims]: demo.claimNamespace }),
    },
  };
}

function demosOf(namespaces: V1Namespace[]): Demo[] {
  const byName = new Map<string, V1Namespace[]>();
  for (const namespace of namespaces) {
    const name = namespace.metadata?.labels?.[labels.demo];
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), namespace]);
  }
  return [...byName]
    .map(([name, members]) => demoOf(name, members))
    .sort((a, b) => a.created.getTime() - b.created.getTime());
}

function demoOf(name: string, namespaces: V1Namespace[]): Demo {
  const sorted = namespaces.toSorted((a, b) => a.metadata!.name!.localeCompare(b.metadata!.name!));
  const noted = sorted[0]!.metadata!.annotations ?? {};
  const { [annotations.problem]: problem, [annotations.claims]: claimNamespace } = noted;
  return {
    name,
    owner: { id: noted[annotations.ownerId] ?? '', name: noted[annotations.ownerName] ?? '' },
    channel: noted[annotations.channel] ?? '',
    created: new Date(noted[annotations.created] ?? sorted[0]!.metadata!.creationTimestamp ?? 0),
    expires: new Date(noted[annotations.expires] ?? 0),
    state: (noted[annotations.state] as DemoState | undefined) ?? 'creating',
    ...(problem && { problem }),
    ...(claimNamespace && { claimNamespace }),
    places: sorted.map(({ metadata }) => ({
      name: metadata!.labels![labels.virtualCluster] as VirtualClusterName,
      namespace: metadata!.name!,
    })),
  };
}
