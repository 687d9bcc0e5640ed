import { checkNamespaceGone, deleteNamespace, findLeftovers } from '../../k8s/removal.js';
import { lacks, holds } from '../../k8s/check.js';
import { releaseAbsent, uninstallVirtualCluster } from '../../k8s/virtual-cluster.js';
import type { ClusterContext, DemoContext } from '../context.js';
import type { Work } from '../flow.js';

/** Before its namespace goes: helm also removes what a chart made outside of it. */
export const releaseGone: Work<ClusterContext> = {
  check: ({ host, place }) => releaseAbsent(host, place),
  apply: ({ place, kubeconfig, signal }) => uninstallVirtualCluster(place, { kubeconfig, signal }),
};

export const hostNamespaceGone: Work<ClusterContext> = {
  check: ({ host, place }) => checkNamespaceGone(host, place.namespace),
  apply: ({ host, demo, place }) => deleteNamespace(host, demo, place),
};

export const nothingLeft: Work<DemoContext> = {
  async check({ host, demo }) {
    const left = await findLeftovers(host, demo);
    return left.length === 0 ? holds : lacks(`still there: ${left.join(', ')}`);
  },
};
