import { findDemo } from '../../k8s/demo/demo-record.js';
import { restoreNamespaceLabels } from '../../k8s/demo/host-namespace.js';
import { withClaimedDemo, withDemoContext } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { demoKubeconfig } from './create/steps.js';

/**
 * Replaces the certificates of a demo's own kubeconfig, which vc-client uses, before they expire, and restores the labels of
 * its namespaces.
 */
export const renew: Handler<'renew'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('demo is busy; its credentials will be renewed later'),
    async ({ host, claim, signal }) => {
      const demo = await findDemo(host, run.payload.demo);
      if (!demo || demo.state === 'deleting') return;
      await restoreNamespaceLabels(host, demo);
      if (demo.state !== 'ready') return;
      await withDemoContext(run, { host, demo, signal, beforeWrite: claim.assertHeld }, async (context) => {
        if (!(await demoKubeconfig.check(context)).holds) await demoKubeconfig.apply?.(context);
      });
    },
  );
