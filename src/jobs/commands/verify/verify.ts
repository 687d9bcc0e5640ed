import { formatDuration } from '../../../duration.js';
import type { Cluster } from '../../../k8s/cluster.js';
import { changeExisting } from '../../../k8s/demo-record.js';
import { noteSchedule } from '../../../k8s/demo-verdict.js';
import { withDone, type Demo } from '../../../k8s/demo.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { requireDemo } from '../../find-demo.js';
import { withHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { message } from '../../slack/messages.js';
import { outcomeOf } from './outcome.js';
import { postVerdict, recordVerdict } from './publish.js';
import { verifyDemo } from './verify-demo.js';

/** Sends requests through the mesh from both clusters, logs in through the public names, and posts the verdict. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, metrics } = run;
  const { every, requester } = payload;
  if (every === 'off') return await endSchedule(run);
  await onReadyDemo(run, async (context) => {
    if (every !== undefined) await noteSchedule(context.host, context.demo, every);
    const report = await verifyDemo(context, payload);
    metrics.verdicts.inc({ outcome: outcomeOf(report).outcome, trigger: 'command' });
    await postVerdict(run, requester, report, every === undefined ? [] : [scheduleText(every)]);
    await recordVerdict(run, context, report, { isTold: true });
    if (every !== undefined) await noteDone(run, context.host, context.demo);
  });
};

/** A change of the schedule must not happen again when its job is replayed. */
const noteDone = ({ id }: JobRun<'verify'>, host: Cluster, demo: Demo) =>
  changeExisting(host, demo, (current) => withDone(current, id));

const scheduleText = (everyMs: number): Mrkdwn =>
  mrkdwn`:alarm_clock: It is verified again every ${formatDuration(everyMs)} for as long as the demo exists. Only a change of the verdict is posted.`;

async function endSchedule(run: JobRun<'verify'>): Promise<void> {
  const { slack, payload } = run;
  await withHost(run, async (host) => {
    const demo = await requireDemo(host, run);
    await noteSchedule(host, demo, undefined);
    const text = demo.schedule
      ? mrkdwn`:no_bell: The mesh of demo *${demo.name}* is no longer verified every ${formatDuration(demo.schedule.everyMs)}.`
      : mrkdwn`:information_source: The mesh of demo *${demo.name}* is not verified on a schedule. \`/vcdemo verify ${demo.name} --every 15m\` starts that.`;
    await slack.post(payload.requester, message(text));
    await noteDone(run, host, demo);
  });
}
