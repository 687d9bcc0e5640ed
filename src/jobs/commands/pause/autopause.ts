import { formatDuration } from '../../../duration.js';
import { Refusal } from '../../../errors.js';
import { assertHasVolumes } from '../../../k8s/workloads/pause.js';
import { changeExisting, findDemo } from '../../../k8s/demo/demo-record.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { pausedDemo } from '../../../k8s/demo/demo-life.js';
import { isIdle } from '../../../k8s/demo/idle.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { buttons } from '../../../slack-message.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { demoButton } from '../../slack/demo-buttons.js';
import { message } from '../../slack/messages.js';
import { lookAtTraces } from './look.js';
import { isPausedBy, stopPods } from './pause.js';

/** Pauses a demo that nobody has used for long, and says so in the thread of its card. */
export const autopause: Handler<'autopause'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('idle demo is busy; it will be checked again later'),
    (claimed) => pauseIdle(run, claimed),
  );

async function pauseIdle(run: JobRun<'autopause'>, claimed: ClaimedHost): Promise<void> {
  const { config, id, payload, slack } = run;
  const { host } = claimed;
  const found = await findDemo(host, payload.demo);
  const demo = isPausedBy(found, id) ? found : found && (await pausedIfIdle(run, claimed, found));
  if (!isPausedBy(demo, id)) return;
  const audience = { channelId: demo.channel, userId: demo.owner.id };
  const { idle } = config.autoPause;
  const unused = idle === undefined ? 'because nobody used it' : `after ${formatDuration(idle)} without use`;
  const why = mrkdwn`, ${unused}`;
  const place = await stopPods({ run, claimed, demo, audience, act: { what: `paused it ${unused}` }, why });
  const { text, blocks } = message(
    mrkdwn`:double_vertical_bar: Demo *${demo.name}* was paused ${unused}. Its volumes and keys are kept.`,
  );
  const said = { text, blocks: [...blocks, buttons([demoButton(demo, 'resume', { style: 'primary' })])] };
  claimed.tell(() => slack.reply(place(), audience, said));
}

/** A last look, and the same write that decides whether somebody has used the demo meanwhile. */
async function pausedIfIdle(
  run: JobRun<'autopause'>,
  { host, signal, keepVerifiesOut }: ClaimedHost,
  demo: Demo,
): Promise<Demo | undefined> {
  const { config, id, log } = run;
  if (!isIdle(demo, config, host.now())) return undefined;
  try {
    await assertHasVolumes(host, demo);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    log.warn({ reason: error.message }, 'idle demo was not paused');
    return undefined;
  }
  await keepVerifiesOut();
  const looked = await lookAtTraces(run, host, demo, signal);
  if (!looked || !isIdle(looked, config, host.now())) return undefined;
  return await changeExisting(host, looked, (current) => {
    const now = host.now();
    return isIdle(current, config, now) ? pausedDemo(current, now, { ...config.pause, jobId: id }) : current;
  });
}
