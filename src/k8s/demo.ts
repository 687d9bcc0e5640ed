import { randomUUID } from 'node:crypto';

/*
 * What a demo is. Its record (demo-record.ts) says which namespaces belong to it; their labels only help to find them.
 */

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  demo: 'vcdemo.io/demo',
  virtualCluster: 'vcdemo.io/virtual-cluster',
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
  /** Tells the demo from others of its name, before and after it. */
  id: string;
  owner: { id: string; name: string };
  /** Slack's id of the channel in which it was asked for. */
  channel: string;
  created: Date;
  /** How long it lives from the moment that it is ready, in milliseconds. */
  ttlMs: number;
  expires: Date;
  state: DemoState;
  /** When it was ready for the first time. */
  ready?: Date | undefined;
  /** Why the last create or delete failed. */
  problem?: string | undefined;
  /** When the certificates of its own kubeconfig expire. */
  credentialsEnd?: Date | undefined;
  /** The message in Slack that follows the last job which made or deletes it. */
  progress?: { jobId: string; channel: string; ts: string } | undefined;
  /** Kubeconfigs in Slack: the file's id, who or which channel has it, and a person's user name in its certificates. */
  files: readonly { id: string; to: string; user?: string | undefined }[];
  /** Slack's ids of people whose access was taken away. */
  revoked: readonly string[];
  /** A replacement of all keys under way: the CAs before it, as hashes. */
  replacing?: { jobId: string; authorities: Partial<Record<VirtualClusterName, string>> } | undefined;
  /** Ids of the jobs that are done with it, so that none is done twice; the newest last. */
  done: readonly string[];
  /** The namespace in which its workers keep their locks and its record; unknown of one that an earlier version made. */
  claimNamespace?: string | undefined;
  /** The UIDs of its namespaces, as far as they were made; a namespace of another UID is not the demo's. */
  namespaceUids: Partial<Record<VirtualClusterName, string>>;
  /** Those whose namespaces exist: one where the other was not made yet or is deleted already. */
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

/** The namespaces of a demo's virtual clusters. */
export const placesOf = (demo: string): VirtualClusterPlace[] =>
  virtualClusterNames.map((name) => ({ name, namespace: `${demo}-${name}` }));

/** Where a demo keeps what it has once: its root, its kubeconfig and vc-client. */
export function firstPlace({ name, places: [first] }: Pick<Demo, 'name' | 'places'>): VirtualClusterPlace {
  if (!first) throw new Error(`demo ${name} has no namespaces`);
  return first;
}

/** A create may take so long without eating into the demo's life. */
const creationAllowanceMs = 3_600_000;

/** A demo that does not exist. */
export function planDemo(request: {
  name: string;
  owner: { id: string; name: string };
  channel: string;
  now: Date;
  ttlMs: number;
  claimNamespace: string;
}): Demo {
  const { now, ...given } = request;
  return {
    ...given,
    id: randomUUID(),
    created: now,
    expires: new Date(now.getTime() + given.ttlMs + creationAllowanceMs),
    state: 'creating',
    done: [],
    files: [],
    revoked: [],
    namespaceUids: {},
    places: placesOf(given.name),
  };
}

/** A demo that has become ready: its life begins with the first time. */
export function readyDemo(demo: Demo, now: Date): Demo {
  const begins = { ready: now, expires: new Date(now.getTime() + demo.ttlMs) };
  return { ...demo, ...(demo.ready === undefined && begins), state: 'ready', problem: undefined };
}

/** Whether a demo's time is over. */
export const isExpired = ({ expires }: Demo): boolean => expires.getTime() <= Date.now();

/** Whether a demo is to be removed without anybody's command: it has expired, or a delete that failed has finished by itself. */
export const isDue = (demo: Demo): boolean =>
  isExpired(demo) || (demo.state === 'deleting' && demo.places.length === 0);

/** Completes a demo of which only one namespace was made, so that create can resume it. */
export const withMissingPlaces = (demo: Demo): Demo => ({
  ...demo,
  places: placesOf(demo.name).map((place) => demo.places.find(({ name }) => name === place.name) ?? place),
});

/** What of a failure is noted. */
export const problemOf = (message: string): string => message.slice(0, 500);

const doneJobsKept = 50;

/** The demo with a job noted as done. */
export const withDone = (demo: Demo, jobId: string): Demo => ({
  ...demo,
  done: [...demo.done.filter((id) => id !== jobId), jobId].slice(-doneJobsKept),
});

/** Whether a job is over for this demo: done already, or meant for an earlier demo of the same name. */
export const isOver = ({ done, created }: Demo, job: { id: string; askedAt: Date }): boolean =>
  done.includes(job.id) || job.askedAt.getTime() < created.getTime();
