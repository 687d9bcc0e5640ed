import { commandLine } from '../../../commands/command-line.js';
import { formatDuration } from '../../../duration.js';
import { isHolder } from '../../../k8s/demo/claim.js';
import { noteSchedule } from '../../../k8s/demo/demo-verdict.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { requireDemo } from '../../find-demo.js';
import { withHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { message } from '../../slack/messages.js';
import { outcomeOf } from './outcome.js';
import { beingVerifiedMessage } from './messages.js';
import { postVerdict, recordVerdict } from './publish.js';
import { verifyAlone } from './verify-demo.js';

/** Sends requests through the mesh from both clusters, logs in through the public names, and posts the verdict. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, metrics, slack } = run;
  const { every, requester } = payload;
  if (every === 'off') return await endSchedule(run);
  await onReadyDemo(run, async (context) => {
    const { host, demo } = context;
    const report = await verifyAlone(run, context, payload);
    const notes = every === undefined ? [] : [scheduleText(every)];
    if (isHolder(report)) await slack.whisper(requester, beingVerifiedMessage(demo, report, notes));
    else {
      metrics.verdicts.inc({ outcome: outcomeOf(report).outcome, trigger: 'command' });
      await postVerdict(run, requester, report, context, notes);
    }
    // With one write, so that a replay of this job never brings back a schedule that has been ended since.
    if (every !== undefined) await noteSchedule(host, demo, every, run.id);
    if (!isHolder(report)) await recordVerdict(run, context, report, { isTold: true });
  });
};

const scheduleText = (everyMs: number): Mrkdwn =>
  mrkdwn`:alarm_clock: The mesh will be verified every ${formatDuration(everyMs)} as long as the demo exists. Only changes of the verdict are posted.`;

async function endSchedule(run: JobRun<'verify'>): Promise<void> {
  const { slack, payload } = run;
  await withHost(run, async (host) => {
    const demo = await requireDemo(host, run);
    await noteSchedule(host, demo, undefined, run.id);
    const text = demo.schedule
      ? mrkdwn`:no_bell: The mesh of demo *${demo.name}* is no longer verified every ${formatDuration(demo.schedule.everyMs)}.`
      : mrkdwn`:information_source: The mesh of demo *${demo.name}* is not verified on a schedule. ${commandLine(demo, 'verify', '--every', '15m')} starts that.`;
    await slack.post(payload.requester, message(text));
  });
}
