import { holds, lacks } from '../../../k8s/check.js';
import { findDemo } from '../../../k8s/demo/demo-record.js';
import { authorityHash, checkTokens, dropKeys, replaceTokens } from '../../../k8s/credentials/revocation.js';
import { removeRemoteSecrets } from '../../../k8s/mesh/remote-secrets.js';
import { controlPlaneReady } from '../../../k8s/virtual-cluster/virtual-cluster.js';
import { virtual, type ClusterContext } from '../../context.js';
import type { Work } from '../../flow.js';

/** The keys are new when the CA differs from the one that was recorded before. */
export const newKeys: Work<ClusterContext> = {
  async check({ host, demo, place }) {
    const before = (await findDemo(host, demo.name))?.replacing?.authorities[place.name];
    const now = await authorityHash(host, place);
    if (now !== undefined) return now === before ? lacks('the old keys are still in use') : holds;
    const ready = await controlPlaneReady(host, place);
    return ready.holds ? lacks('the control plane is starting') : ready;
  },
  apply: ({ host, place, signal }) => dropKeys(host, place, signal),
};

/** Nothing is to be done if the keys are still those from before. */
export const newTokens: Work<ClusterContext> = {
  async check(context) {
    const { host, demo, place } = context;
    const now = await authorityHash(host, place);
    const isReplaced = now !== demo.replacing?.authorities[place.name];
    return isReplaced ? await checkTokens(await virtual(context), now ?? '') : holds;
  },
  async apply(context) {
    const cluster = await virtual(context);
    await removeRemoteSecrets(cluster);
    await replaceTokens(cluster, (await authorityHash(context.host, context.place)) ?? '', context.signal);
  },
};
