import { minutes } from '../../../duration.js';
import { checkPaused, checkScaledDown, deleteTenantPods, scaleDown } from '../../../k8s/workloads/pause.js';
import type { ClusterContext, DemoContext } from '../../context.js';
import { Flow, type Work } from '../../flow.js';

const controlPlane: Work<ClusterContext> = {
  check: ({ host, place }) => checkScaledDown(host, place),
  apply: ({ host, place }) => scaleDown(host, place),
};

const pods: Work<ClusterContext> = {
  check: ({ host, place }) => checkPaused(host, place),
  apply: ({ host, place }) => deleteTenantPods(host, place),
};

/**
 * What pauses a warm pair: its control planes need most of its CPU. Istiod and the samples go on, because starting them takes
 * longer than starting the control planes.
 */
// prettier-ignore
export const restFlow = Flow.of<DemoContext, ClusterContext>()
  .step('controlPlane', { on: 'each', after: [],               work: controlPlane, within: minutes(2), says: 'Stopping the virtual cluster' });

/** `/vcdemo pause` on one page. */
// prettier-ignore
export const pauseFlow = restFlow
  .step('pods',         { on: 'each', after: ['controlPlane'], work: pods,         within: minutes(3), says: 'Stopping its pods' });
