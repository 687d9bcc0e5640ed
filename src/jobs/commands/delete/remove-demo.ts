import { commandLine } from '../../../commands/command-line.js';
import { beginWork, markDemo } from '../../../k8s/demo/demo-record.js';
import { problemOf, type Demo } from '../../../k8s/demo/demo.js';
import { findKeptVolumes } from '../../../k8s/demo/removal.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { openFlowCard } from '../../demo-card.js';
import { auditDemo } from '../../audit.js';
import { FlowError } from '../../flow.js';
import type { ClaimedHost } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow } from '../../run-flow.js';
import { unlessTheyLeft, type Audience } from '../../slack/reach.js';
import { endedCard } from '../../slack/card/card.js';
import { undeletedButtons } from '../../slack/demo-buttons.js';
import { deleteFlow } from './flow.js';
import { keptVolumesMessage } from './messages.js';

interface Removal {
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
  const card = await openFlowCard({ run, claimed, demo, title, audience, isQuiet: isRepeated });
  let isTold = false;
  const delivery = {
    isDone: () => Promise.resolve(isTold),
    async deliver() {
      const kept = await findKeptVolumes(host, demo);
      const ended = endedCard(demo, { how, hasLeft: kept.length > 0, now: host.now() });
      await card.settle(ended).catch(unlessTheyLeft(run.log));
      isTold = true;
      if (kept.length > 0)
        await run.slack
          .reply(card.place(), audience, keptVolumesMessage(demo.name, kept))
          .catch(unlessTheyLeft(run.log));
      // Somebody who gave the command elsewhere does not see the card.
      if ('requester' in run.payload && card.place()?.channel !== audience.channelId)
        await run.slack.whisper(run.payload.requester, ended);
    },
  };
  try {
    const tasks = await runReportedFlow({ run, claimed, demo, flow: deleteFlow, card, delivery });
    await card.noteDurations(tasks);
    const by = 'requester' in run.payload ? run.payload.requester.userId : undefined;
    const livedMs = host.now().getTime() - demo.created.getTime();
    auditDemo(run.log, demo, { act: 'ended', by, what: `demo ${demo.name} ${how} deleted`, facts: { livedMs } });
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    await markDemo(host, demo, 'deleting', error.message);
    // A deletion that only could not be announced is announced by the next sweep.
    const isToldLater = run.name === 'expire' && error.failed.every(({ step }) => step === 'told');
    const isKnown = isToldLater || (isRepeated && found.problem === problemOf(error.message));
    const shown = {
      title: mrkdwn`The deletion of demo *${demo.name}* did not finish`,
      hint:
        error.hint ??
        `Remove what blocks it, and Kubernetes will delete the rest by itself. ${commandLine(demo, 'delete')} tries again and checks.`,
    };
    const actions = undeletedButtons(demo);
    if (!isKnown) claimed.tell(() => card.fail(error, { ...shown, actions }));
    throw new FlowFailed(error, { ...shown, audience: isKnown ? undefined : audience, card });
  }
}
