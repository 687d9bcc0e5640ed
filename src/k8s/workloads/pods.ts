import type {
  CoreV1Event,
  KubernetesObject,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1Deployment,
  V1Pod,
} from '@kubernetes/client-node';
import { formatDuration, minutes } from '../../duration.js';
import { clip } from '../../redact.js';
import { TooMuchError } from '../client/api-errors.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import { read } from '../client/objects.js';
import { ref } from '../client/manifest.js';

/** On every object that vcluster creates for a tenant; vcluster overwrites what the tenant writes there. */
export const syncedLabel = 'vcluster.loft.sh/managed-by';

/** Whether it is a tenant's, whatever its other labels, which the tenant chose, make it look like. */
export const isSynced = ({ metadata }: KubernetesObject): boolean => metadata?.labels?.[syncedLabel] !== undefined;

/**
 * Why a pod is not ready, in Kubernetes' own words: not scheduled, image not pulled, container crashing. If its status does
 * not say so, the events about it and its volumes do (`eventsAbout`). Undefined if it is ready.
 */
export function podProblem(pod: V1Pod, events: readonly CoreV1Event[] = []): string | undefined {
  const problem = problemOf(pod, events);
  return problem === undefined ? undefined : clip(problem, longestProblem);
}

/** Kubernetes' own texts are at most 1 KB long; those of a tenant may be longer. */
const longestProblem = 1500;

function problemOf(pod: V1Pod, events: readonly CoreV1Event[]): string | undefined {
  const { phase = 'unknown', conditions = [], reason, message } = pod.status ?? {};
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return undefined;
  const name = `pod ${pod.metadata?.name}`;
  if (phase === 'Failed' && reason) return `${name} has failed: ${withDetail(reason, message)}`;
  if (isUntouched(pod)) {
    const refusal = newest(events, isRefusedCopy);
    return refusal
      ? `the host cluster refuses ${name}: ${withoutPrefix(refusal.message ?? '')}`
      : `${name} is ${phase}`;
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled) {
    const volume = newest(events, ({ involvedObject }) => involvedObject.kind === 'PersistentVolumeClaim');
    const detail = volume && `; PersistentVolumeClaim ${volume.involvedObject.name}: ${volume.message}`;
    return `${name} cannot be scheduled: ${unscheduled.message ?? unscheduled.reason}${detail ?? ''}`;
  }
  const containers = containersOf(pod);
  const stuck = containers.map((container) => containerProblem(container, events)).find(Boolean);
  if (stuck) return `${name}: ${stuck}`;
  const obstacle = newest(events, isObstacle);
  if (obstacle) return `${name} is waiting: ${obstacle.reason}: ${obstacle.message}`;
  const late = containers
    .filter(({ ready }) => !ready)
    .map(({ name: container, lastState }) =>
      lastState?.terminated ? `${container} (previously terminated: ${exitOf(lastState.terminated)})` : container,
    );
  return late.length > 0 ? `${name} is ${phase}, not ready yet: ${late.join(', ')}` : `${name} is ${phase}`;
}

export const containersOf = ({ status }: V1Pod): V1ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

const withDetail = (reason: string, detail: string | undefined) => (detail ? `${reason}, ${detail}` : reason);

function containerProblem(
  { name, ready, state, lastState }: V1ContainerStatus,
  events: readonly CoreV1Event[],
): string | undefined {
  const { reason, message } = state?.waiting ?? {};
  const ended = state?.terminated ?? lastState?.terminated;
  const exit = ended && exitOf(ended);
  if (state?.terminated && !ready && state.terminated.exitCode !== 0)
    return `container ${name} has terminated: ${exit}`;
  if (!reason || isStarting(reason)) return undefined;
  // The kubelet's message is about the pause between two attempts; the reason of the failure is elsewhere.
  const cause =
    reason === 'CrashLoopBackOff' ? exit : reason === 'ImagePullBackOff' ? pullError(message, events) : message;
  return `container ${name} is waiting: ${withDetail(reason, cause ?? message)}`;
}

const exitOf = ({ reason, exitCode, message }: V1ContainerStateTerminated) =>
  `${reason ?? 'Error'}, ${withDetail(`exit code ${exitCode}`, message)}`;

const isStarting = (reason: string) => reason === 'PodInitializing' || reason === 'ContainerCreating';

/** Since 1.32 the message contains the cause; before, only an event does. */
function pullError(message: string | undefined, events: readonly CoreV1Event[]): string | undefined {
  if (/ErrImagePull|Err\w+:/.test(message ?? '')) return message;
  return newest(events, (event) => event.reason === 'Failed' && /Failed to pull image/.test(event.message ?? ''))
    ?.message;
}

/** A pod that nothing has processed yet; in a virtual cluster, one without a copy in the host cluster. */
const isUntouched = ({ status }: V1Pod) => !status?.conditions?.length && !status?.containerStatuses?.length;

/**
 * vcluster's event that the host cluster refused the copy; it also reports other errors, of pods that are fine.
 * @see https://github.com/loft-sh/vcluster/blob/v0.34.0/pkg/patcher/apply.go
 */
const refusedCopy = /^Error syncing to (host|physical) cluster: (create object: )?|^(?=Pod \S+ is forbidden: )/;
const isRefusedCopy = ({ reason, message }: CoreV1Event) => reason === 'SyncError' && refusedCopy.test(message ?? '');
const withoutPrefix = (message: string) => message.replace(refusedCopy, '');

/** What keeps containers from starting, or the kubelet from reporting on them. */
const isObstacle = ({ reason = '' }: CoreV1Event) =>
  /^(FailedMount|FailedAttachVolume|FailedMapVolume|FailedCreatePodSandBox|NetworkNotReady|NodeNotReady)$/.test(reason);

// ------------------------------------------------------------------ events

function newest(events: readonly CoreV1Event[], isMeant: (event: CoreV1Event) => boolean): CoreV1Event | undefined {
  return events
    .filter(isMeant)
    .toSorted((a, b) => timeOf(a) - timeOf(b))
    .at(-1);
}

/** When it was last seen: events of `events.k8s.io` have no `lastTimestamp`, and a series has its own time. */
function timeOf({ series, eventTime, lastTimestamp, metadata }: CoreV1Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata?.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(String(time))).filter(Number.isFinite));
}

/** Empty if there are too many to read: events only add detail. */
async function listEvents(cluster: Cluster, namespace: string, fields: Record<string, string>): Promise<CoreV1Event[]> {
  try {
    return await list<CoreV1Event>(cluster, 'v1', 'Event', { namespace, fields });
  } catch (error) {
    if (error instanceof TooMuchError) return [];
    throw error;
  }
}

/** The events about a pod, and about its volumes if it waits for them; empty if its status says enough. */
async function eventsAbout(cluster: Cluster, pod: V1Pod): Promise<CoreV1Event[]> {
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  const claims = (pod.spec?.volumes ?? []).flatMap(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [],
  );
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  const eventsOf = (kind: string, selected: Record<string, string> = {}) =>
    listEvents(cluster, namespace, { 'involvedObject.kind': kind, ...selected });
  if (unscheduled) {
    if (!/volume|storageclass/i.test(unscheduled.message ?? '')) return [];
    const ofClaims = await eventsOf('PersistentVolumeClaim');
    return ofClaims.filter(({ involvedObject }) => claims.includes(involvedObject.name ?? ''));
  }
  // The status of a pod that has run contains the reasons.
  const events = await eventsOf('Pod', { 'involvedObject.name': name, type: 'Warning' });
  return events.filter(({ involvedObject }) => !involvedObject.uid || !uid || involvedObject.uid === uid);
}

/** The last warning about a workload without pods, such as an exceeded quota. */
async function lastWarning(cluster: Cluster, namespace: string, name: string): Promise<string | undefined> {
  const events = await listEvents(cluster, namespace, { type: 'Warning' });
  const last = newest(events, ({ involvedObject: { kind, name: of = '' } }) =>
    kind === 'ReplicaSet' ? of.startsWith(`${name}-`) : /^(Deployment|StatefulSet)$/.test(kind ?? '') && of === name,
  );
  return (
    last &&
    `${last.involvedObject.kind} ${last.involvedObject.name}: ${last.reason}: ${clip(last.message ?? '', longestProblem)}`
  );
}

// ------------------------------------------------------------------ checks

/** Holds if there is at least one pod with these labels that is not a copy for a tenant, and all of them are ready. */
export async function podsReady(
  cluster: Cluster,
  namespace: string,
  labels: Record<string, string>,
  owner: string,
): Promise<Check> {
  const pods = (await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels })).filter((pod) => !isSynced(pod));
  // Evicted pods and those of an earlier template stay for a while next to their replacements.
  const current = pods.filter(isAlive);
  for (const pod of current) {
    const problem = podProblem(pod);
    if (problem !== undefined) return lacks(podProblem(pod, await eventsAbout(cluster, pod)) ?? problem);
  }
  if (current.length > 0) return holds;
  const warning = await lastWarning(cluster, namespace, owner);
  const [ended] = pods;
  return lacks(
    warning ??
      (ended ? (endingOf(ended, cluster.now()) ?? podProblem(ended)) : undefined) ??
      `${owner} has no pods yet`,
  );
}

/**
 * How the deletion of a pod goes on; undefined if it is not being deleted. The API expects its node to confirm that it has
 * ended by the time of its deletion, which a node that is down never does.
 */
export function endingOf({ metadata, spec }: V1Pod, now: Date): string | undefined {
  if (!metadata?.deletionTimestamp) return undefined;
  const lateMs = now.getTime() - new Date(metadata.deletionTimestamp).getTime();
  const node = spec?.nodeName === undefined ? 'its node' : `its node ${spec.nodeName}`;
  const late = lateMs >= minutes(1) ? `; ${node} has not confirmed its end for ${formatDuration(lateMs)}` : '';
  return `pod ${metadata.name} is being deleted${late}`;
}

const isAlive = ({ metadata, status }: V1Pod) =>
  !metadata?.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';

/** Holds if the Deployment runs its current template with all replicas, of which there is at least one. */
export async function deploymentReady(cluster: Cluster, namespace: string, name: string): Promise<Check> {
  const deployment = await read<V1Deployment>(cluster, ref('apps/v1', 'Deployment', name, namespace));
  if (!deployment) return lacks(`Deployment ${namespace}/${name} does not exist`);
  const { replicas = 1 } = deployment.spec ?? {};
  if (replicas === 0) return lacks(`Deployment ${namespace}/${name} is scaled to 0`);
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  if (
    observedGeneration >= (deployment.metadata?.generation ?? 0) &&
    updatedReplicas >= replicas &&
    availableReplicas >= replicas
  )
    return holds;
  const pods = await podsReady(cluster, namespace, deployment.spec?.selector.matchLabels ?? {}, name);
  return pods.holds
    ? lacks(`Deployment ${namespace}/${name} has ${availableReplicas} of ${replicas} replicas available`)
    : pods;
}
