import { lacksRight } from '../../../k8s/client/api-errors.js';
import { dropVerifyClaim } from '../../../k8s/demo/claim-holder.js';
import { lacks, holds } from '../../../k8s/check.js';
import { changeRecord, findDemo, forgetDemo, hasRecord } from '../../../k8s/demo/demo-record.js';
import { checkDemoRights, takeDemoRights } from '../../../k8s/permissions/demo-rights.js';
import { checkNamespaceGone, deleteNamespace, findLeftovers, isGoing } from '../../../k8s/demo/removal.js';
import { onceMoreIfRefused } from '../../../k8s/tools.js';
import { releaseAbsent, uninstallVirtualCluster } from '../../../k8s/virtual-cluster/virtual-cluster.js';
import { formatDuration, seconds } from '../../../duration.js';
import { messageOf } from '../../../errors.js';
import { NoAnswer, within } from '../../../within.js';
import type { ClusterContext, DemoContext } from '../../context.js';
import { deliveryOf } from '../../delivery.js';
import type { Work } from '../../flow.js';

/** Uninstalls before the namespace is deleted: helm also removes what the chart created outside of it. */
export const releaseGone: Work<ClusterContext> = {
  async check(context) {
    const { host, place } = context;
    if (await goesAlong(context)) return holds;
    const rights = await checkDemoRights(context);
    if (!rights.holds) return rights;
    try {
      return await releaseAbsent(host, place);
    } catch (error) {
      if (!lacksRight(error)) throw error;
      return lacks(messageOf(error)); // the namespace is just being deleted; the next check will see it
    }
  },
  async apply(context) {
    const { config, place, kubeconfig, signal } = context;
    try {
      await takeDemoRights(context, signal); // an earlier run may have created nothing but the namespace
      await onceMoreIfRefused(context.host, () => uninstallVirtualCluster(place, { config, kubeconfig, signal }));
    } catch (error) {
      if (!(await goesAlong(context))) throw error;
    }
  },
};

/** A namespace that is being deleted also loses the worker's RoleBinding, perhaps before helm's Secrets. */
async function goesAlong({ host, place, demoClusterRole }: ClusterContext): Promise<boolean> {
  return demoClusterRole !== undefined && (await isGoing(host, place));
}

export const hostNamespaceGone: Work<ClusterContext> = {
  check: ({ host, demo, place }) => checkNamespaceGone(host, demo, place),
  apply: ({ host, demo, place, config, signal }) =>
    deleteNamespace(host, demo, place, { signal, deadlineFactor: config.stepDeadlineFactor }),
};

/** Before the record is removed: the next sweep continues here if Slack is away. */
export const told = deliveryOf('nobody has been told yet');

/** The kubeconfigs in Slack. They open nothing once the demo is gone, so it does not wait for Slack for long. */
export const filesGone: Work<DemoContext> = {
  async check({ host, demo }) {
    const { length } = (await findDemo(host, demo.name))?.files ?? [];
    return length === 0 ? holds : lacks(`${length === 1 ? 'one file has' : `${length} files have`} not been deleted`);
  },
  async apply({ host, demo, slack, config }) {
    const tried = ((await findDemo(host, demo.name))?.files ?? []).map(({ id }) => id);
    const timeoutMs = seconds(30) * config.stepDeadlineFactor;
    const kept = await within(timeoutMs, () => slack.deleteFiles(tried)).catch((error: unknown) => {
      throw error instanceof NoAnswer ? new Error(`Slack took longer than ${formatDuration(timeoutMs)}`) : error;
    });
    const isGone = (id: string) => tried.includes(id) && !kept.includes(id);
    await changeRecord(
      host,
      demo,
      (current) => ({ ...current, files: current.files.filter(({ id }) => !isGone(id)) }),
      false,
    );
    if (kept.length > 0) throw new Error(`Slack did not delete ${kept.join(', ')}`);
  },
};

/** Removed last: as long as there is a record, an interrupted delete can be resumed. */
export const recordGone: Work<DemoContext> = {
  check: async ({ host, demo }) => ((await hasRecord(host, demo.name)) ? lacks('the record still exists') : holds),
  async apply({ host, demo, claimNamespace }) {
    await dropVerifyClaim(host, claimNamespace, demo.name);
    await forgetDemo(host, demo);
  },
};

export const nothingLeft: Work<DemoContext> = {
  async check({ host, demo }) {
    const left = await findLeftovers(host, demo);
    return left.length === 0 ? holds : lacks(`still left: ${left.join(', ')}`);
  },
};
