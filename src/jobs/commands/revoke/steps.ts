import { holds, lacks } from '../../../k8s/check.js';
import { findDemo } from '../../../k8s/demo/demo-record.js';
import { authorityHash, checkTokens, dropKeys, replaceTokens } from '../../../k8s/credentials/revocation.js';
import { removeRemoteSecrets } from '../../../k8s/mesh/remote-secrets.js';
import { virtual, type ClusterContext } from '../../context.js';
import type { Work } from '../../flow.js';

/** The keys are new when the CA differs from the one that was recorded before. */
export const newKeys: Work<ClusterContext> = {
  async check({ host, demo, place }) {
    const before = (await findDemo(host, demo.name))?.replacing?.authorities[place.name];
    const now = await authorityHash(host, place);
    return now !== undefined && now !== before
      ? holds
      : lacks(now ? 'the old keys are still in use' : 'the control plane is starting');
  },
  apply: ({ host, place, signal }) => dropKeys(host, place, signal),
};

export const newTokens: Work<ClusterContext> = {
  check: async (context) =>
    checkTokens(await virtual(context), (await authorityHash(context.host, context.place)) ?? ''),
  async apply(context) {
    const cluster = await virtual(context);
    await removeRemoteSecrets(cluster);
    await replaceTokens(cluster, (await authorityHash(context.host, context.place)) ?? '', context.signal);
  },
};
