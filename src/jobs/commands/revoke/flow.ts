import { minutes } from '../../../duration.js';
import type { ClusterContext, DemoContext } from '../../context.js';
import { Flow } from '../../flow.js';
import { virtualCluster } from '../create/steps.js';
import { newKeys, newTokens } from './steps.js';

/** `/vcdemo revoke` for everybody. The create flow follows and recreates what trusts the old keys. */
// prettier-ignore
export const revokeFlow = Flow.of<DemoContext, ClusterContext>()
  .step('newKeys',        { on: 'each', after: [],                 work: newKeys,        within: minutes(3), says: 'Replacing the CA and the ServiceAccount key' })
  .step('virtualCluster', { on: 'each', after: ['newKeys'],        work: virtualCluster, within: minutes(5), says: 'Starting the virtual cluster' })
  .step('newTokens',      { on: 'each', after: ['virtualCluster'], work: newTokens,      within: minutes(2), says: 'Replacing tokens and restarting the pods that use them' });

/** For `create`, when a revoke ended halfway: keys that it did not replace stay, and what it did replace is used everywhere. */
export const unfinishedRevokeFlow = revokeFlow.without('newKeys');
