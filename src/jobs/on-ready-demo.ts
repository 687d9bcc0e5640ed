import type { ReadingDemoCommand } from '../commands/job-payloads.js';
import { takeDemoRights } from '../k8s/permissions/demo-rights.js';
import type { DemoContext } from './context.js';
import type { Cluster } from '../k8s/client/cluster.js';
import type { Demo } from '../k8s/demo/demo.js';
import { requireReadyDemo } from './find-demo.js';
import { withDemoContext, withHost } from './host-cluster.js';
import type { JobRun } from './job-run.js';

/** Runs read-only work on a demo that can be used. It takes no claim, because such commands can run side by side. */
export async function onReadyDemo<Result>(
  run: JobRun<ReadingDemoCommand>,
  work: (context: DemoContext) => Promise<Result>,
  requireUsable: (host: Cluster) => Promise<Demo> = (host) => requireReadyDemo(host, run),
): Promise<Result> {
  const { signal } = run;
  return await withHost(run, async (host) =>
    withDemoContext(run, { host, demo: await requireUsable(host), signal }, async (context) => {
      // The demo may be older than this way of granting permissions.
      for (const place of context.demo.places) await takeDemoRights({ ...context, place }, signal);
      return await work(context);
    }),
  );
}
