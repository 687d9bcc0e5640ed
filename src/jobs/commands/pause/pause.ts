import { commandLine } from '../../../commands/command-line.js';
import { changeRecord } from '../../../k8s/demo/demo-record.js';
import { pausedDemo, withAudit, withDone, type Demo } from '../../../k8s/demo/demo.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { audit } from '../../audit.js';
import { openFlowCard } from '../../demo-card.js';
import { requireDemo, requireReadyDemo } from '../../find-demo.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow } from '../../run-flow.js';
import { tellHolder } from '../../tell-holder.js';
import { pausedButtons } from '../../slack/demo-buttons.js';
import { message, onCluster } from '../../slack/messages.js';
import { pauseFlow } from './flow.js';

/** Stops all pods of a demo; `resume` starts them again. A pause that failed halfway is finished by another one. */
export const pause: Handler<'pause'> = (run) =>
  withClaimedDemo(run, tellHolder(run), (claimed) => pauseClaimed(run, claimed));

async function pauseClaimed(run: JobRun<'pause'>, claimed: ClaimedHost): Promise<void> {
  const { payload, config, log, slack } = run;
  const { host, tell } = claimed;
  const { requester } = payload;
  const found = await requireDemo(host, run);
  const demo = found.state === 'paused' ? found : await requireReadyDemo(host, run);
  await claimed.keepVerifiesOut();
  const paused = await changeRecord(host, demo, (current) => pausedDemo(current, new Date(), config.pause));
  const title = mrkdwn`Pausing demo *${demo.name}*${onCluster(config)}`;
  const card = await openFlowCard({ run, claimed, demo: paused, title, audience: requester });
  try {
    const tasks = await runReportedFlow({ run, claimed, demo: paused, flow: pauseFlow, card });
    await card.noteDurations(tasks);
  } catch (error) {
    if (!(error instanceof FlowError)) throw error;
    const hint = [error.hint, hintFor(demo)].filter(Boolean).join('\n');
    const shown = { title: mrkdwn`Pausing demo *${demo.name}* failed`, hint };
    const actions = pausedButtons(demo, config);
    tell(() => card.fail(error, { ...shown, actions }));
    throw new FlowFailed(error, { ...shown, audience: requester, card });
  }
  const act = { act: 'paused', by: requester.userId, what: 'paused it' };
  const done = await changeRecord(host, paused, (current) =>
    withDone(withAudit(current, { at: new Date(), ...act }), run.id),
  );
  await audit(log, host, done, act);
  tell(() => card.settleReady());
  tell(() =>
    slack.whisper(
      requester,
      message(
        mrkdwn`:double_vertical_bar: Demo *${demo.name}* is paused. ${commandLine(demo, 'resume')} starts it again.`,
      ),
    ),
  );
}

const hintFor = (demo: Demo): string =>
  `${commandLine(demo, 'pause')} tries again; ${commandLine(demo, 'resume')} starts what was stopped.`;
