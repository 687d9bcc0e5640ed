import { minutes } from '../../../duration.js';
import { findDemo } from '../../../k8s/demo-record.js';
import { holds, lacks } from '../../../k8s/check.js';
import { authorityHash, checkTokens, dropKeys, replaceTokens } from '../../../k8s/revocation.js';
import { virtual, type ClusterContext, type DemoContext } from '../../context.js';
import { Flow, type Work } from '../../flow.js';
import { virtualCluster } from '../create/steps.js';

/** The keys are new when the CA is another than the one that was noted before. */
const newKeys: Work<ClusterContext> = {
  async check({ host, demo, place }) {
    const before = (await findDemo(host, demo.name))?.replacing?.authorities[place.name];
    const now = await authorityHash(host, place);
    return now !== undefined && now !== before
      ? holds
      : lacks(now ? 'the keys are still the old ones' : 'the control plane is starting');
  },
  apply: ({ host, place, signal }) => dropKeys(host, place, signal),
};

const newTokens: Work<ClusterContext> = {
  check: async (context) =>
    checkTokens(await virtual(context), (await authorityHash(context.host, context.place)) ?? ''),
  apply: async (context) =>
    replaceTokens(await virtual(context), (await authorityHash(context.host, context.place)) ?? '', context.signal),
};

/** `/vcdemo revoke` of everybody's access: what comes after is create's table, which makes anew what trusts the old keys. */
// prettier-ignore
export const revokeFlow = Flow.of<DemoContext, ClusterContext>()
  .step('newKeys',        { on: 'each', after: [],                 work: newKeys,        within: minutes(3), says: 'Replacing CA and ServiceAccount key' })
  .step('virtualCluster', { on: 'each', after: ['newKeys'],        work: virtualCluster, within: minutes(5), says: 'Starting the virtual cluster' })
  .step('newTokens',      { on: 'each', after: ['virtualCluster'], work: newTokens,      within: minutes(2), says: 'Replacing tokens and the pods that hold them' });
