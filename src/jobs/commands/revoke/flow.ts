import { minutes } from '../../../duration.js';
import { findDemo } from '../../../k8s/demo-record.js';
import { holds, lacks } from '../../../k8s/check.js';
import { authorityHash, checkTokens, dropKeys, replaceTokens } from '../../../k8s/revocation.js';
import { virtual, type ClusterContext, type DemoContext } from '../../context.js';
import { Flow, type Work } from '../../flow.js';
import { virtualCluster } from '../create/steps.js';

/** The keys are new when the CA differs from the one that was recorded before. */
const newKeys: Work<ClusterContext> = {
  async check({ host, demo, place }) {
    const before = (await findDemo(host, demo.name))?.replacing?.authorities[place.name];
    const now = await authorityHash(host, place);
    return now !== undefined && now !== before
      ? holds
      : lacks(now ? 'the old keys are still in use' : 'the control plane is starting');
  },
  apply: ({ host, place, signal }) => dropKeys(host, place, signal),
};

const newTokens: Work<ClusterContext> = {
  check: async (context) =>
    checkTokens(await virtual(context), (await authorityHash(context.host, context.place)) ?? ''),
  apply: async (context) =>
    replaceTokens(await virtual(context), (await authorityHash(context.host, context.place)) ?? '', context.signal),
};

/** `/vcdemo revoke` for everybody. The create flow follows and recreates what trusts the old keys. */
// prettier-ignore
export const revokeFlow = Flow.of<DemoContext, ClusterContext>()
  .step('newKeys',        { on: 'each', after: [],                 work: newKeys,        within: minutes(3), says: 'Replacing the CA and the ServiceAccount key' })
  .step('virtualCluster', { on: 'each', after: ['newKeys'],        work: virtualCluster, within: minutes(5), says: 'Starting the virtual cluster' })
  .step('newTokens',      { on: 'each', after: ['virtualCluster'], work: newTokens,      within: minutes(2), says: 'Replacing tokens and restarting the pods that use them' });
