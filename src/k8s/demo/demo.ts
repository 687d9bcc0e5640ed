import { randomUUID } from 'node:crypto';
import { firstCharacters } from '../../text.js';

/*
 * What a demo is. Its record (demo-record.ts) says which namespaces belong to it, whatever their labels.
 */

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  demo: 'vcdemo.io/demo',
  virtualCluster: 'vcdemo.io/virtual-cluster',
} as const;

/** `creating` until the first create has ended, then its outcome. */
export const demoStates = ['creating', 'ready', 'paused', 'failed', 'deleting'] as const;
export type DemoState = (typeof demoStates)[number];

/** How a verify of a demo's mesh can end. */
export const verdictOutcomes = ['pass', 'inconclusive', 'fail'] as const;
export type VerdictOutcome = (typeof verdictOutcomes)[number];

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
  /** The host cluster that has it, if there are several. Not recorded. */
  hostCluster: string | undefined;
  /** Distinguishes the demo from earlier and later ones of the same name. */
  id: string;
  owner: { id: string; name: string };
  /** Slack ID of the channel in which it was created. */
  channel: string;
  created: Date;
  /** Its lifetime in milliseconds, which starts when it is ready. */
  ttlMs: number;
  expires: Date;
  state: DemoState;
  /** When it was ready for the first time. */
  ready?: Date | undefined;
  /** Why the last create or delete failed. */
  problem?: string | undefined;
  /** When the certificates of its own kubeconfig expire. */
  credentialsEnd?: Date | undefined;
  /** Its card in Slack; `replaced` if somebody deleted the first one. */
  card?: { channel: string; ts: string; replaced?: true | undefined } | undefined;
  /** The expiry time that its owner was reminded of. */
  reminded?: Date | undefined;
  /** Set while it is paused, with the job that did that; `leftMs` if its lifetime is on hold meanwhile. */
  paused?: { since: Date; leftMs?: number | undefined; jobId?: string | undefined } | undefined;
  /** When it was last used, as far as workers know. */
  used?: Date | undefined;
  /** What use leaves in it, as it was last seen (idle.ts). */
  traces?: { seen: string; at: Date } | undefined;
  /** Kubeconfigs in Slack: the file's ID, who or which channel has it, and the user name in a person's certificates. */
  files: readonly { id: string; to: string; user?: string | undefined }[];
  /** Slack IDs of the people whose access was revoked. */
  revoked: readonly string[];
  /** Slack IDs of the people, user groups and channels that may extend it, as its owner may. */
  shared: readonly string[];
  /** The latest changes to it; newest last. */
  audit: readonly AuditEntry[];
  /** What the last verify found. */
  verdict?: { outcome: VerdictOutcome; reason: string; at: Date } | undefined;
  /**
   * Set while the mesh is verified by itself: how often, when that last began, and the outcome that the channel last heard
   * of.
   */
  schedule?: { everyMs: number; last: Date; told?: VerdictOutcome | undefined } | undefined;
  /** Set while all keys are being replaced: hashes of the CAs before, and who already has a new kubeconfig. */
  replacing?:
    { jobId: string; authorities: Partial<Record<VirtualClusterName, string>>; served: readonly string[] } | undefined;
  /** The job that was the last to begin to create or delete it, and when that was asked for. */
  begun?: { jobId: string; askedAt: Date } | undefined;
  /** Ids of finished jobs, so that none runs twice; newest last. */
  done: readonly string[];
  /** Jobs that were asked for before this count as done, because the ids of some were dropped. */
  doneBefore?: Date | undefined;
  /** The namespace of its workers' claims and its record; may be unknown for a demo from an earlier version. */
  claimNamespace?: string | undefined;
  /** The warm pair that it was made from; its namespaces are called like the pair. */
  pair?: string | undefined;
  /** Stands for its name in public names and labels, if its certificates are not valid for that. */
  publicName?: string | undefined;
  /** Set on a warm pair, which is nobody's demo yet (pool.ts). */
  warm?: WarmPair | undefined;
  /** The UIDs of the namespaces created so far; a namespace with another UID does not belong to the demo. */
  namespaceUids: Partial<Record<VirtualClusterName, string>>;
  /** A namespace of it has lost labels, without which the admission policy does not apply there. Not recorded. */
  isUnlabelled?: boolean | undefined;
  /** The virtual clusters whose namespaces exist; only one if the other has not been created yet, or is deleted already. */
  places: VirtualClusterPlace[];
}

/** `claimed` from the moment when a create takes it until the demo's record lists its namespaces. */
export const warmStates = ['making', 'ready', 'claimed', 'draining'] as const;
export type WarmState = (typeof warmStates)[number];

/** What is recorded of a warm pair beyond what it has in common with a demo. */
export interface WarmPair {
  state: WarmState;
  /** When this state began. */
  since: Date;
  /** A hash of the configuration that it was made from. */
  configuration: string;
  /** Whether its certificates are valid for the public names of every demo. */
  fitsAnyName: boolean;
  /** Whether its pods were stopped once it had been proven. */
  isPaused?: boolean | undefined;
  /** The create that has claimed it. */
  by?: { demo: string; jobId: string } | undefined;
}

/** Something that was done with a demo. */
export interface AuditEntry {
  at: Date;
  /** The Slack ID of the person; undefined if nobody asked for it. */
  by?: string | undefined;
  /** In plain text, such as `extended it by 4h`. */
  what: string;
}

const auditKept = 50;

/** The demo, with what was done with it; only the last entries are kept. */
export const withAudit = (demo: Demo, { at, by, what }: AuditEntry): Demo => ({
  ...demo,
  audit: [...demo.audit, { at, by, what: firstCharacters(what, 300) }].slice(-auditKept),
});

/** The labels of every object of a demo in the host cluster. */
export function demoLabels(demo: string, virtualCluster?: VirtualClusterName): Record<string, string> {
  return {
    [labels.managedBy]: 'vcdemo',
    [labels.demo]: demo,
    ...(virtualCluster && { [labels.virtualCluster]: virtualCluster }),
  };
}

/** One of a demo's virtual clusters. */
export function placeOf(demo: Pick<Demo, 'name' | 'places'>, name: VirtualClusterName): VirtualClusterPlace {
  const place = demo.places.find((candidate) => candidate.name === name);
  if (!place) throw new Error(`demo ${demo.name} has no ${name}`);
  return place;
}

/** The first of these labels that the namespace does not have. */
export const lackingLabel = (
  present: Partial<Record<string, string>> | undefined,
  demo: string,
  virtualCluster: VirtualClusterName,
): string | undefined =>
  Object.entries(demoLabels(demo, virtualCluster)).find(([key, value]) => present?.[key] !== value)?.[0];

/** What the names of a demo's namespaces begin with, and the label of what is in them. */
export const namespaceBase = ({ name, pair }: Pick<Demo, 'name' | 'pair'>): string => pair ?? name;

/** What stands for a demo in public names, and therefore in its namespaces' labels, by which the admission policy knows them. */
export const publicNameOf = ({ name, publicName }: Pick<Demo, 'name' | 'publicName'>): string => publicName ?? name;

/** The namespaces whose names begin like this. */
export const placesOf = (demo: string): VirtualClusterPlace[] =>
  virtualClusterNames.map((name) => ({ name, namespace: `${demo}-${name}` }));

/** Where a demo keeps what it has only once: the root CA, the kubeconfig and vc-client. */
export function firstPlace({ name, places: [first] }: Pick<Demo, 'name' | 'places'>): VirtualClusterPlace {
  if (!first) throw new Error(`demo ${name} has no namespaces`);
  return first;
}

/** How long a create may take before it uses up the demo's lifetime. */
const creationAllowanceMs = 3_600_000;

/** A demo that does not exist. */
export function planDemo(request: {
  name: string;
  hostCluster: string | undefined;
  owner: { id: string; name: string };
  channel: string;
  /** When it was asked for, by the bot's clock, with which later commands are compared; now by default. */
  asked?: Date;
  now: Date;
  ttlMs: number;
  claimNamespace: string;
}): Demo {
  const { now, asked = now, ...given } = request;
  return {
    ...given,
    id: randomUUID(),
    created: asked,
    expires: new Date(now.getTime() + given.ttlMs + creationAllowanceMs),
    state: 'creating',
    done: [],
    files: [],
    revoked: [],
    shared: [],
    audit: [],
    namespaceUids: {},
    places: placesOf(given.name),
  };
}

/** Adds the missing virtual cluster to a demo with only one namespace, so that create can resume it. */
export const withMissingPlaces = (demo: Demo): Demo => ({
  ...demo,
  places: placesOf(namespaceBase(demo)).map((place) => demo.places.find(({ name }) => name === place.name) ?? place),
});

/** The part of a failure that is recorded. */
export const problemOf = (message: string): string => firstCharacters(message, 500);
