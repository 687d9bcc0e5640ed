import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { VirtualClusterName } from '../demo/demo.js';
import { sampleNamespace } from './helloworld.js';
import { readRemoteStates } from './remote-clusters.js';
import { sendTraffic } from './traffic.js';
import { untilIstiod, type IstiodWait } from './until-istiod.js';

/* Whether two clusters have become one mesh: requests reach both, and each istiod watches the other cluster. */

/** Whether both versions of helloworld answer requests from vc1. */
export async function checkBothAnswer(
  vc1: Cluster,
  config: Pick<DemoConfig, 'stepDeadlineFactor'>,
  signal: AbortSignal,
): Promise<Check> {
  const request = { namespace: sampleNamespace, parallel: 12, sequential: 0 };
  const { parallel: hits } = await sendTraffic(vc1, request, signal, config);
  const [error] = Object.keys(hits.errors);
  if (error !== undefined) return lacks(`requests to helloworld from vc1 fail: ${error}`);
  const seen = Object.keys(hits.versions);
  return seen.length === 2 ? holds : lacks(`only ${seen.join()} of helloworld answers requests from vc1`);
}

/** Whether istiod watches the other cluster; an istiod that cannot be asked is not known not to. */
export async function checkOtherIsRead(
  cluster: Cluster,
  name: VirtualClusterName,
  signal: AbortSignal,
): Promise<Check> {
  try {
    return checkState(await readOtherState(cluster, name, signal), name);
  } catch {
    signal.throwIfAborted();
    return holds;
  }
}

/** What istiod says of the other cluster; undefined if it does not know it. */
async function readOtherState(cluster: Cluster, name: VirtualClusterName, signal: AbortSignal) {
  return Object.entries(await readRemoteStates(cluster, signal)).find(([id]) => id !== name)?.[1];
}

const checkState = (state: string | undefined, name: VirtualClusterName): Check =>
  state === 'synced'
    ? holds
    : lacks(`istiod in ${name} ${state === undefined ? 'does not know' : `reports ${state} for`} the other cluster`);

/** Much longer than an istiod needs to notice a remote secret. */
const noticedWithinMs = seconds(10);

/**
 * Waits until istiod reads the other cluster, and restarts it if it has given that up: one that started with a wrong remote
 * secret may never take up the right one, and one whose remote secret was deleted may not notice the next (seen with 1.31).
 * @throws Error if it takes longer than 90 s
 */
export async function untilOtherIsRead(cluster: Cluster, name: VirtualClusterName, wait: IstiodWait): Promise<void> {
  let unknownSince: number | undefined;
  const look = async () => {
    const state = await readOtherState(cluster, name, wait.signal);
    unknownSince = state === undefined ? (unknownSince ?? Date.now()) : undefined;
    const unknownMs = unknownSince === undefined ? 0 : Date.now() - unknownSince;
    const isStuck = state === 'timeout' || unknownMs >= noticedWithinMs * wait.deadlineFactor;
    return { check: checkState(state, name), isStuck };
  };
  await untilIstiod(cluster, name, 'to watch the other cluster', look, { ...wait, withinMs: seconds(90) });
}
