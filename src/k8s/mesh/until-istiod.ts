import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { VirtualClusterName } from '../demo/demo.js';
import { restartDeployments } from '../workloads/restart.js';

export interface IstiodWait {
  /** The job, for which a Deployment is restarted once, however often that seems to be needed. */
  restartFor: string;
  deadlineFactor: number;
  signal: AbortSignal;
}

/**
 * Waits until a check of istiod holds, and restarts istiod where only that helps.
 * @param awaited for messages: `to watch the other cluster`
 * @param look `isStuck` if what it sees will not change by itself; may throw while istiod starts
 * @param withinMs milliseconds
 * @throws Error if it takes longer
 */
export async function untilIstiod(
  cluster: Cluster,
  name: VirtualClusterName,
  awaited: string,
  look: () => Promise<{ check: Check; isStuck: boolean }>,
  { withinMs, restartFor, deadlineFactor, signal }: IstiodWait & { withinMs: number },
): Promise<void> {
  const attempt = async (): Promise<Check> => {
    const { check, isStuck } = await look();
    if (isStuck) await restartDeployments(cluster, 'istio-system', ['istiod'], restartFor);
    return check;
  };
  const patient = () => attempt().catch((error: unknown) => lacks(messageOf(error)));
  const wait = { withinMs: withinMs * deadlineFactor, signal, everyMs: seconds(0.5) };
  await waitUntil(`istiod in ${name} ${awaited}`, patient, wait);
}
