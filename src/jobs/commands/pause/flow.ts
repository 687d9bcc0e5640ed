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

/** `/vcdemo pause` on one page. */
// prettier-ignore
export const pauseFlow = Flow.of<DemoContext, ClusterContext>()
  .step('controlPlane', { on: 'each', after: [],               work: controlPlane, within: minutes(2), says: 'Stopping the virtual cluster' })
  .step('pods',         { on: 'each', after: ['controlPlane'], work: pods,         within: minutes(3), says: 'Stopping its pods' });
