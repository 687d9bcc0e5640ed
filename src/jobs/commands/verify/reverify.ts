import { formatDuration } from '../../../duration.js';
import { isHolder } from '../../../k8s/demo/claim.js';
import { messageOf } from '../../../errors.js';
import { findDemo } from '../../../k8s/demo/demo-record.js';
import { beginDueVerify, noteTold } from '../../../k8s/demo/demo-verdict.js';
import type { Demo, VerdictOutcome } from '../../../k8s/demo/demo.js';
import { mention, mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import { withDemoContext, withHost } from '../../host-cluster.js';
import type { Handler } from '../../job-run.js';
import { asOwnTraffic } from '../pause/look.js';
import { outcomeOf } from './outcome.js';
import { postVerdict, recordVerdict } from './publish.js';
import { verifyAlone } from './verify-demo.js';

/**
 * Verifies a mesh because its schedule says so, and tells people if the verdict is another one than they last heard of. The
 * record decides whether it is due, so it does not matter how many workers and sweeps try at once.
 */
export const reverify: Handler<'reverify'> = async (run) => {
  const { payload, signal, metrics, log } = run;
  await withHost(run, async (host) => {
    const found = await findDemo(host, payload.demo);
    const demo = found && (await beginDueVerify(host, found));
    if (!demo?.schedule) return;
    const { everyMs, told } = demo.schedule;
    await withDemoContext(run, { host, demo, signal }, async (context) => {
      const report = await asOwnTraffic(run, context, () => verifyAlone(run, context));
      if (isHolder(report)) return log.info({ by: report.jobId }, 'skipped: the mesh is being verified or changed');
      const { outcome } = outcomeOf(report);
      metrics.verdicts.inc({ outcome, trigger: 'schedule' });
      // Recorded first, so that the verdict is known even if Slack is away; then the next run tries to tell it.
      await recordVerdict(run, context, report, { isTold: false });
      if (outcome === told) return;
      await postVerdict(run, audienceOf(demo), report, context, [changeText(demo, everyMs, told, outcome)]);
      await noteTold(host, demo, outcome).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'could not record that the verdict was posted'),
      );
    });
  });
};

const audienceOf = ({ channel, owner }: Demo) => ({ channelId: channel, userId: owner.id });

const words: Record<VerdictOutcome, string> = {
  pass: 'passed',
  inconclusive: 'was inconclusive',
  fail: 'failed',
};

function changeText({ owner }: Demo, everyMs: number, before: VerdictOutcome | undefined, now: VerdictOutcome): Mrkdwn {
  const was = before && mrkdwn`; before, it ${words[before]}`;
  return mrkdwn`:alarm_clock: ${now === 'fail' && mrkdwn`${mention(owner.id)}: `}Scheduled verify (every ${formatDuration(everyMs)}): ${before ? 'the verdict has changed' : 'this is the first verdict'}${was}.`;
}
