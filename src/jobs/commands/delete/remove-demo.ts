import { beginWork, markDemo } from '../../../k8s/demo-record.js';
import { problemOf, type Demo } from '../../../k8s/demo.js';
import { findKeptVolumes } from '../../../k8s/removal.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { FlowError } from '../../flow.js';
import type { ClaimedHost } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow, type Audience } from '../../run-flow.js';
import { deleteFlow } from './flow.js';
import { deletedMessage } from './messages.js';

export interface Removal {
  claimed: ClaimedHost;
  demo: Demo;
  audience: Audience;
  title: Mrkdwn;
  /** For the message that says so: `has been`, or `expired and has been`. */
  how: string;
  /** An earlier automatic attempt failed: this one is reported to the channel only if there is something new. */
  isRepeated?: boolean;
}

/** Deletes a demo, says so, and forgets it; records on the demo why it did not finish. */
export async function removeDemo(
  run: JobRun<'delete'> | JobRun<'expire'>,
  { claimed, demo: found, audience, title, how, isRepeated = false }: Removal,
): Promise<void> {
  const { host } = claimed;
  const demo = await beginWork(host, found, 'deleting', run);
  let isTold = false;
  const delivery = {
    isDone: () => Promise.resolve(isTold),
    async deliver() {
      await run.slack.post(audience, deletedMessage(demo.name, how, await findKeptVolumes(host, demo)));
      isTold = true;
    },
  };
  const followers = isRepeated ? undefined : audience;
  try {
    await runReportedFlow({ run, claimed, demo, flow: deleteFlow, title, delivery, audience: followers });
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    await markDemo(host, demo, 'deleting', error.message);
    // A deletion that only could not be announced is announced by the next sweep.
    const isToldLater = run.name === 'expire' && error.failed.every(({ step }) => step === 'told');
    const isKnown = isToldLater || (isRepeated && found.problem === problemOf(error.message));
    throw new FlowFailed(error, {
      title: mrkdwn`The deletion of demo *${demo.name}* did not finish`,
      hint:
        error.hint ??
        `Remove what blocks it, and Kubernetes will delete the rest by itself. \`/vcdemo delete ${demo.name}\` tries again and checks.`,
      audience: isKnown ? undefined : audience,
    });
  }
}
