import { collectEvidence, collectHostEvidence, type EvidenceFile } from '../../../k8s/evidence/evidence.js';
import { withoutSecrets } from '../../../k8s/evidence/without-secrets.js';
import { sampleNamespace } from '../../../k8s/mesh/helloworld.js';
import { mention, mrkdwn } from '../../../mrkdwn.js';
import { redact } from '../../../redact.js';
import { bothClusters, type DemoContext } from '../../context.js';
import type { JobName } from '../../../commands/job-payloads.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import type { JobRun } from '../../job-run.js';
import { findingsRules } from '../../slack/files.js';
import { message } from '../../slack/messages.js';
import type { Audience, PostedMessage } from '../../slack/reach.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import { fileTime, reportJson } from '../verify/details.js';
import type { DemoReport } from '../verify/verify-demo.js';
import { packEvidence } from './archive.js';

/* What on-call hands to a colleague: an archive with all that can be read of a demo, and what was found. */

/** What was found, or why the virtual clusters could not be reached. */
export type Looked = { report: DemoReport } | { problem: string };

/** What the virtual clusters say. @throws where they cannot be reached */
export async function collectInside(context: DemoContext): Promise<EvidenceFile[]> {
  const { signal, config } = context;
  const clusters = await bothClusters(context);
  const options = { signal, deadlineFactor: config.stepDeadlineFactor };
  const each = [clusters.vc1, clusters.vc2].map((cluster) => collectEvidence(cluster, sampleNamespace, options));
  return (await Promise.all(each)).flat();
}

/** What the host cluster says. */
export async function collectHost({ host, demo, signal, config }: DemoContext): Promise<EvidenceFile[]> {
  const options = { signal, deadlineFactor: config.stepDeadlineFactor };
  return (await Promise.all(demo.places.map((place) => collectHostEvidence(host, place, options)))).flat();
}

/** The archive of what was collected, for the thread of what was found. */
export async function evidenceFile(
  { demo, config }: Pick<DemoContext, 'demo' | 'config'>,
  looked: Looked,
  collected: readonly EvidenceFile[],
): Promise<SlackFile> {
  const now = new Date();
  const evidence = [...findings(looked), ...versions(config), ...collected];
  const folder = `diagnosis-${demo.name}-${fileTime(now)}`;
  const title = `What vcdemo saw of demo ${demo.name} at ${now.toISOString()}.`;
  return {
    filename: `${folder}.tar.gz`,
    title: `Evidence about ${demo.name}`,
    content: await packEvidence(folder, title, evidence, now),
    comment: mrkdwn`Objects, events, logs, the proxy configuration of both sleep pods, versions and findings. README.txt says what each file is. Secrets were removed.`,
  };
}

/** Attaches the archive in the thread of what was found; only the person gets it if outsiders can read it there. */
export async function sendEvidence(
  { slack, config }: Pick<JobRun<JobName>, 'slack' | 'config'>,
  demo: Demo,
  posted: PostedMessage,
  to: Audience,
  file: SlackFile,
): Promise<void> {
  if (demo.revoked.includes(to.userId)) return; // they can verify the demo, but it has logs
  const { withheld } = await slack.shareFile(to, file, findingsRules(config, demo), posted);
  if (withheld === undefined) return;
  const said = mrkdwn`The evidence was sent only to ${mention(to.userId)}, because ${withheld}.`;
  await slack.reply(posted, to, message(said));
}

function findings(looked: Looked): EvidenceFile[] {
  if (!('report' in looked))
    return [{ path: 'found.txt', says: 'what was found', text: `${redact(looked.problem)}\n` }];
  const { report } = looked;
  const checks = report.findings.map(
    ({ state, cluster, check, evidence }) => `${state.padEnd(7)}  ${cluster}  ${check}: ${evidence}`,
  );
  const causes = report.causes.flatMap(({ name, evidence }) => [name, ...evidence.map((seen) => `  ${seen}`)]);
  const text = [
    `Requests: ${report.verdict.kind}: ${report.verdict.reason}`,
    '',
    'Causes, most important first:',
    ...(causes.length > 0 ? causes : [report.verdict.kind === 'pass' ? 'none needed' : 'none was found']),
    '',
    'Checks:',
    ...checks,
    '',
  ].join('\n');
  return [
    { path: 'found.txt', says: 'the causes, and how each check ended', text: redact(text) },
    {
      path: 'found.json',
      says: 'the same, with everything that was measured',
      text: `${JSON.stringify(withoutSecrets(reportJson(report)), null, 1)}\n`,
    },
  ];
}

function versions({ istio, vcluster }: DemoContext['config']): EvidenceFile[] {
  const text = JSON.stringify({ node: process.version, istio: istio.tag, vcluster: vcluster.version }, null, 1);
  const says = 'what vcdemo is configured to install; version.json and pods-….yaml have what runs';
  return [{ path: 'versions.json', says, text: `${redact(text)}\n` }];
}
