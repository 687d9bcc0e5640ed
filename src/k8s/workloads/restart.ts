import type { V1Deployment } from '@kubernetes/client-node';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { copiedNotes, merge, read } from '../client/objects.js';
import { ref } from '../client/manifest.js';

/* Restarts Deployments once for a job, however often its steps run: the pods' template says for which job they started. */

const { restartedFor } = copiedNotes;

const deployment = (name: string, namespace: string) => ref('apps/v1', 'Deployment', name, namespace);

/** Whether these Deployments were restarted for the job; whether their pods are ready is another check's matter. */
export async function checkRestarted(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  jobId: string,
): Promise<Check> {
  for (const name of names) {
    const found = await read<V1Deployment>(cluster, deployment(name, namespace));
    if (found?.spec?.template.metadata?.annotations?.[restartedFor] !== jobId)
      return lacks(`Deployment ${namespace}/${name} has not been restarted yet`);
  }
  return holds;
}

export async function restartDeployments(
  cluster: Cluster,
  namespace: string,
  names: readonly string[],
  jobId: string,
): Promise<void> {
  const annotations = { [restartedFor]: jobId };
  for (const name of names)
    await merge(cluster, deployment(name, namespace), { spec: { template: { metadata: { annotations } } } });
}
