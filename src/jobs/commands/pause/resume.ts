import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import { isResumed } from '../../../k8s/demo/done-jobs.js';
import { requireDemo } from '../../find-demo.js';
import { withClaimedDemo } from '../../host-cluster.js';
import type { Handler } from '../../job-run.js';
import { tellHolder } from '../../tell-holder.js';
import { describeState } from '../../slack/messages.js';
import { createClaimed } from '../create/create.js';

/** Starts a paused demo again: the table of create restores what is missing, proves it, and sends the kubeconfig. */
export const resume: Handler<'resume'> = (run) =>
  withClaimedDemo(run, tellHolder(run), async (claimed) => {
    const demo = await requireDemo(claimed.host, run);
    if (demo.state !== 'paused' && !isResumed(demo, run))
      throw new Refusal('not-paused', `Demo ${demo.name} is not paused: ${describeState(demo)}.`, {
        hint: `${commandLine(demo, 'create')} restores what is missing in it.`,
      });
    await createClaimed({ ...run, name: 'create' }, claimed);
  });
