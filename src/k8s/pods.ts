import type { CoreV1Event, V1Deployment, V1Pod } from '@kubernetes/client-node';
import { clip } from '../redact.js';
import { holds, lacks, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import { list, read, ref } from './objects.js';

/**
 * Why a pod is not ready, in Kubernetes' own words: not scheduled, image not pulled, container crashing.
 * Undefined when it is ready.
 */
export function podProblem(pod: V1Pod): string | undefined {
  const conditions = pod.status?.conditions ?? [];
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return undefined;
  const name = `pod ${pod.metadata?.name}`;
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled) return `${name} cannot be scheduled: ${clip(unscheduled.message ?? unscheduled.reason ?? '')}`;
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name: container, state, lastState } of containers) {
    const { reason, message } = state?.waiting ?? {};
    if (!reason || reason === 'PodInitializing' || reason === 'ContainerCreating') continue;
    const exit = lastState?.terminated;
    const detail = message ?? (exit ? `exit code ${exit.exitCode}` : '');
    return `${name}: container ${container} is waiting: ${reason}${detail ? `, ${clip(detail)}` : ''}`;
  }
  const running = containers.filter(({ ready }) => !ready).map(({ name: container }) => container);
  const phase = pod.status?.phase ?? 'unknown';
  return running.length > 0 ? `${name} is ${phase}, not ready yet: ${running.join(', ')}` : `${name} is ${phase}`;
}

/** Holds when all pods with these labels, at least one, are ready. */
export async function podsReady(
  cluster: Cluster,
  namespace: string,
  labels: Record<string, string>,
  owner: string,
): Promise<Check> {
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, labels });
  const problems = pods.map(podProblem).filter((problem) => problem !== undefined);
  if (pods.length > 0) return problems.length === 0 ? holds : lacks(problems[0]!);
  return lacks((await lastWarning(cluster, namespace, owner)) ?? `no pod of ${owner} yet`);
}

/** Holds when the Deployment serves its current template with all replicas. */
export async function deploymentReady(cluster: Cluster, namespace: string, name: string): Promise<Check> {
  const deployment = await read<V1Deployment>(cluster, ref('apps/v1', 'Deployment', name, namespace));
  if (!deployment) return lacks(`Deployment ${namespace}/${name} is not there`);
  const { replicas = 1 } = deployment.spec ?? {};
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

/** The last warning that Kubernetes noted for an object, such as a quota that was exceeded. */
async function lastWarning(cluster: Cluster, namespace: string, name: string): Promise<string | undefined> {
  const events = await list<CoreV1Event>(cluster, 'v1', 'Event', { namespace, fields: { type: 'Warning' } });
  const own = events.filter(({ involvedObject }) => involvedObject.name?.startsWith(name));
  const last = own.sort((a, b) => String(a.lastTimestamp).localeCompare(String(b.lastTimestamp))).at(-1);
  return last && `${last.involvedObject.kind} ${last.involvedObject.name}: ${last.reason}: ${clip(last.message ?? '')}`;
}
