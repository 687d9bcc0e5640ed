import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { mayGoOn } from '../../../k8s/demo/done-jobs.js';
import { findCommandDemo, requireDemo } from '../../find-demo.js';
import { withClaimedDemo } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { tellHolder } from '../../tell-holder.js';
import { describeState } from '../../slack/messages.js';
import { createClaimed } from '../create/create.js';

/** Starts a paused demo again: the table of create restores what is missing, proves it, and sends the kubeconfig. */
export const resume: Handler<'resume'> = (run) =>
  withClaimedDemo(run, tellHolder(run), async (claimed) => {
    const found = await findCommandDemo(claimed.host, run);
    // An earlier run may only have been unable to tell people.
    if (!found || !mayGoOn(found, run)) await requirePaused(claimed.host, run);
    await createClaimed({ ...run, name: 'create' }, claimed);
  });

/** @throws UnknownDemo; Refusal `not-paused`, `not-owner`, `command-over` */
async function requirePaused(host: Cluster, run: JobRun<'resume'>): Promise<void> {
  const demo = await requireDemo(host, run);
  if (demo.state !== 'paused')
    throw new Refusal('not-paused', `Demo ${demo.name} is not paused: ${describeState(demo)}.`, {
      hint: `${commandLine(demo, 'create')} restores what is missing in it.`,
    });
}
