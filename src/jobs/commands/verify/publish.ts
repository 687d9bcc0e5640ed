import { messageOf } from '../../../errors.js';
import { noteVerdict } from '../../../k8s/demo/demo-verdict.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { DemoContext } from '../../context.js';
import type { JobName } from '../../../commands/job-payloads.js';
import { refreshCard } from '../../demo-card.js';
import { noteBroken } from '../../host-trouble.js';
import type { JobRun } from '../../job-run.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import type { Audience } from '../../slack/reach.js';
import { collectHost, collectInside, evidenceFile, sendEvidence } from '../diagnose/evidence-file.js';
import { answerCounts, chartTitle, type AnswerCounts } from './chart.js';
import { detailsFile, fileTime } from './details.js';
import { verifyMessage } from './messages.js';
import { isUnexplained, outcomeOf } from './outcome.js';
import type { DemoReport } from './verify-demo.js';

/**
 * Records what a verify found, and shows it on the demo's card; that it cannot be recorded is no reason to keep it from
 * people.
 */
export async function recordVerdict(
  run: Pick<JobRun<JobName>, 'slack' | 'config' | 'log'>,
  { host, demo }: Pick<DemoContext, 'host' | 'demo'>,
  report: DemoReport,
  told: { isTold: boolean },
): Promise<void> {
  try {
    const noted = await noteVerdict(host, demo, { ...outcomeOf(report), at: report.at }, told);
    if (noted) await refreshCard(run, host, noted);
    const { outcome, reason } = outcomeOf(report);
    if (told.isTold && outcome === 'fail' && demo.verdict?.outcome !== 'fail')
      await noteBroken(run, host, demo, { ...stopped, reason });
  } catch (error) {
    run.log.warn({ reason: messageOf(error) }, 'the verdict was not recorded');
  }
}

/** Several at once: the cause is unlikely to be in the demos. */
const stopped = {
  what: 'stopped working',
  remedy:
    "Find out what changed in the host cluster: nodes, network policies, the ingress controller, Istio's images. `/vcdemo diagnose` on one of them names the cause.",
};

/** Posts the verdict, and in its thread the details; where it is no pass and has no cause, also the evidence for a colleague. */
export async function postVerdict(
  { slack, config, log }: Pick<JobRun<JobName>, 'slack' | 'config' | 'log'>,
  to: Audience,
  report: DemoReport,
  context: DemoContext,
  notes: readonly Mrkdwn[] = [],
): Promise<void> {
  const posted = await slack.post(to, verifyMessage(report, notes));
  // The verdict is what was asked for: whatever comes of the details, it is not posted a second time.
  try {
    await slack.replyWithFile(posted, to, detailsFile(report));
    const counts = slack.isMissing('data_visualization') ? answerCounts(report.directions) : undefined;
    if (counts) await slack.replyWithFile(posted, to, await pictureFile(report, counts));
    if (isUnexplained(report)) {
      const collected = await Promise.all([collectHost(context), collectInside(context)]);
      const file = await evidenceFile(context, { report }, collected.flat());
      await sendEvidence({ slack, config }, context.demo, posted, to, file);
    }
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'details of verify were not posted');
  }
}

/** The chart for workspaces whose Slack draws none. */
async function pictureFile({ demo, at }: DemoReport, counts: AnswerCounts): Promise<SlackFile> {
  const { directions: categories, versions } = counts;
  const series = versions.map(({ name, counts: values }) => ({ name, values }));
  const title = chartTitle(demo);
  // Only on demand: the renderer has three megabytes.
  const { drawChart } = await import('../../slack/chart-picture.js');
  return {
    filename: `verify-${demo}-${fileTime(at)}.png`,
    title,
    content: await drawChart({ title, categories, series }),
    comment: mrkdwn`Answers to sequential requests, by version`,
  };
}
