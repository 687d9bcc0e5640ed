import { messageOf } from '../../../errors.js';
import { collectEvidence, collectHostEvidence, withoutSecrets, type EvidenceFile } from '../../../k8s/evidence.js';
import { sampleNamespace } from '../../../k8s/helloworld.js';
import type { VirtualClusters } from '../../../k8s/kubeconfig.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { redact } from '../../../redact.js';
import { bothClusters, type DemoContext } from '../../context.js';
import { requireDemo } from '../../find-demo.js';
import type { Handler, JobRun } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { brief } from '../../slack/messages.js';
import { fileTime, reportJson } from '../verify/details.js';
import { verifyDemo, type DemoReport } from '../verify/verify-demo.js';
import { packEvidence } from './archive.js';
import { diagnosisMessage, unreachableMessage } from './messages.js';

/**
 * Runs the checks, names the causes of what fails, and attaches an archive of evidence. It sends the few requests of a
 * verify, because some causes show only in the answers, but records and posts no verdict. Also for a demo that is not ready.
 */
export const diagnose: Handler<'diagnose'> = async (run) => {
  await onReadyDemo(
    run,
    async (context) => {
      const [looked, host] = await Promise.all([lookInside(context), hostEvidence(context)]);
      const { demo } = context;
      const message =
        'report' in looked
          ? diagnosisMessage(looked.report)
          : unreachableMessage(demo.name, brief(redact(looked.problem)));
      const posted = await run.slack.post(run.payload.requester, message);
      const now = new Date();
      const evidence = [...findings(looked), ...versions(run), ...host, ...('files' in looked ? looked.files : [])];
      const folder = `diagnosis-${demo.name}-${fileTime(now)}`;
      const title = `What vcdemo saw of demo ${demo.name} at ${now.toISOString()}.`;
      // People have the diagnosis; it is not posted again if the archive is refused.
      try {
        await run.slack.replyWithFile(posted, run.payload.requester, {
          filename: `${folder}.tar.gz`,
          title: `Evidence about ${demo.name}`,
          content: await packEvidence(folder, title, evidence, now),
          comment: mrkdwn`Objects, events, logs, the proxy configuration of both sleeps, versions and what was found. README.txt says what each file is. Secrets were removed.`,
        });
      } catch (error) {
        run.log.warn({ reason: messageOf(error) }, 'the evidence was not attached');
      }
    },
    (host) => requireDemo(host, run),
  );
};

type Looked = { report: DemoReport; files: EvidenceFile[] } | { problem: string };

async function lookInside(context: DemoContext): Promise<Looked> {
  const { signal, config } = context;
  let clusters: VirtualClusters;
  try {
    clusters = await bothClusters(context);
  } catch (error) {
    signal.throwIfAborted();
    return { problem: messageOf(error) };
  }
  const options = { signal, deadlineFactor: config.stepDeadlineFactor };
  const [report, ...files] = await Promise.all([
    verifyDemo(context),
    ...[clusters.vc1, clusters.vc2].map((cluster) => collectEvidence(cluster, sampleNamespace, options)),
  ]);
  return { report, files: files.flat() };
}

async function hostEvidence({ host, demo, signal, config }: DemoContext): Promise<EvidenceFile[]> {
  const options = { signal, deadlineFactor: config.stepDeadlineFactor };
  return (await Promise.all(demo.places.map((place) => collectHostEvidence(host, place, options)))).flat();
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
    'Causes, the first to look at first:',
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
      says: 'the same with everything that was measured, as verify has it',
      text: `${JSON.stringify(withoutSecrets(reportJson(report)), null, 1)}\n`,
    },
  ];
}

function versions({ config }: JobRun<'diagnose'>): EvidenceFile[] {
  const { istio, vcluster } = config;
  const text = JSON.stringify({ node: process.version, istio: istio.tag, vcluster: vcluster.version }, null, 1);
  const says = 'what vcdemo is configured to install; version.json and pods-….yaml have what runs';
  return [{ path: 'versions.json', says, text: `${redact(text)}\n` }];
}
