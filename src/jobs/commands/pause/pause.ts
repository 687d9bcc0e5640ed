import { commandLine } from '../../../commands/command-line.js';
import { assertHasVolumes } from '../../../k8s/workloads/pause.js';
import { changeRecord } from '../../../k8s/demo/demo-record.js';
import { withAudit, type Demo } from '../../../k8s/demo/demo.js';
import { pausedDemo } from '../../../k8s/demo/demo-life.js';
import { withDone } from '../../../k8s/demo/done-jobs.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { audit } from '../../audit.js';
import { openFlowCard, refreshCard, type FlowCard } from '../../demo-card.js';
import { findCommandDemo, requireDemo, requireReadyDemo } from '../../find-demo.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow } from '../../run-flow.js';
import { tellHolder } from '../../tell-holder.js';
import { demoButton, pausedButtons, type ButtonDemo } from '../../slack/demo-buttons.js';
import type { Audience } from '../../slack/reach.js';
import { message, onCluster } from '../../slack/messages.js';
import { buttons, type SlackMessage } from '../../../slack-message.js';
import { pauseFlow } from './flow.js';

/** Stops all pods of a demo; `resume` starts them again. A pause that failed halfway is finished by another one. */
export const pause: Handler<'pause'> = (run) =>
  withClaimedDemo(run, tellHolder(run), (claimed) => pauseClaimed(run, claimed));

async function pauseClaimed(run: JobRun<'pause'>, claimed: ClaimedHost): Promise<void> {
  const { requester } = run.payload;
  const found = await findCommandDemo(claimed.host, run);
  const demo = isPausedBy(found, run.id) ? found : await recordPaused(run, claimed);
  await stopPods({ run, claimed, demo, audience: requester, act: { by: requester.userId, what: 'paused it' } });
  claimed.tell(() => run.slack.whisper(requester, pausedMessage(demo)));
}

async function recordPaused(run: JobRun<'pause'>, { host, keepVerifiesOut }: ClaimedHost): Promise<Demo> {
  const { config, id } = run;
  const found = await requireDemo(host, run);
  const demo = found.state === 'paused' ? found : await requireReadyDemo(host, run);
  // Before it is recorded: a demo that runs on is not paused, and its lifetime is not on hold.
  if (found.state !== 'paused') await assertHasVolumes(host, demo);
  await keepVerifiesOut();
  return await changeRecord(host, demo, (current) => pausedDemo(current, host.now(), { ...config.pause, jobId: id }));
}

/** Whether the job has recorded that the demo is paused, perhaps in an earlier run whose worker died or had to stop. */
export const isPausedBy = (demo: Demo | undefined, jobId: string): demo is Demo =>
  demo?.state === 'paused' && demo.paused?.jobId === jobId;

export function pausedMessage(demo: ButtonDemo): SlackMessage {
  const { text, blocks } = message(
    mrkdwn`:double_vertical_bar: Demo *${demo.name}* is paused. ${commandLine(demo, 'resume')} starts it again.`,
  );
  return { text, blocks: [...blocks, buttons([demoButton(demo, 'resume', { style: 'primary' })])] };
}

interface Pause {
  run: JobRun<'pause'> | JobRun<'autopause'>;
  claimed: ClaimedHost;
  /** It is recorded as paused. */
  demo: Demo;
  audience: Audience;
  /** For the demo's history. */
  act: { by?: string; what: string };
  /** Where more than its name is to be said, such as `, which nobody uses`. */
  why?: Mrkdwn;
}

/**
 * Stops the pods of a demo, and shows that on its card; if an earlier run has done so, only shows it.
 * @returns where the card is by then
 * @throws FlowFailed
 */
export async function stopPods({ run, claimed, demo, audience, act, why }: Pause): Promise<FlowCard['place']> {
  const { config, log } = run;
  const { host, unclaimed, tell } = claimed;
  if (demo.done.includes(run.id)) {
    tell(() => refreshCard(run, unclaimed, demo));
    return () => demo.card;
  }
  const title = mrkdwn`Pausing demo *${demo.name}*${onCluster(config)}${why}`;
  const card = await openFlowCard({ run, claimed, demo, title, audience });
  try {
    const tasks = await runReportedFlow({ run, claimed, demo, flow: pauseFlow, card });
    await card.noteDurations(tasks);
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    const hint = [error.hint, unpausedHint(demo)].filter(Boolean).join('\n');
    const shown = { title: mrkdwn`Pausing demo *${demo.name}* failed`, hint };
    const actions = pausedButtons(demo, config);
    tell(() => card.fail(error, { ...shown, actions }));
    throw new FlowFailed(error, { ...shown, audience, card });
  }
  const done = await changeRecord(host, demo, (current) =>
    withDone(withAudit({ ...current, problem: undefined }, { at: host.now(), ...act }), run.id),
  );
  await audit(log, host, done, { act: 'paused', ...act });
  tell(() => card.settleReady());
  return card.place;
}

/** What to do about a pause that failed halfway. */
export const unpausedHint = (demo: ButtonDemo): string =>
  `${commandLine(demo, 'pause')} tries again; ${commandLine(demo, 'resume')} starts what was stopped.`;
