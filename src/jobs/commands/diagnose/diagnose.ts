import { messageOf } from '../../../errors.js';
import type { EvidenceFile } from '../../../k8s/evidence/evidence.js';
import { redact } from '../../../redact.js';
import { bothClusters, type DemoContext } from '../../context.js';
import { requireUnpausedDemo } from '../../find-demo.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { brief } from '../../slack/messages.js';
import { verifyDemo } from '../verify/verify-demo.js';
import { collectHost, collectInside, evidenceFile, sendEvidence, type Looked } from './evidence-file.js';
import { diagnosisMessage, unreachableMessage } from './messages.js';

/**
 * Runs the checks, names the causes of what fails, and attaches an archive of evidence. It sends the few requests of a
 * verify, because some causes show only in the answers, but records and posts no verdict. Also for a demo that is not ready, unless it is paused: then nothing runs that could be looked at.
 */
export const diagnose: Handler<'diagnose'> = async (run) => {
  const { slack, log, payload } = run;
  await onReadyDemo(
    run,
    async (context) => {
      const [{ looked, files }, host] = await Promise.all([lookInside(context), collectHost(context)]);
      const message =
        'report' in looked
          ? diagnosisMessage(looked.report)
          : unreachableMessage(context.demo, brief(redact(looked.problem)));
      const posted = await slack.post(payload.requester, message);
      // People have the diagnosis; it is not posted again if the archive is refused.
      try {
        const file = await evidenceFile(context, looked, [...host, ...files]);
        await sendEvidence(run, context.demo, posted, payload.requester, file);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'the evidence was not attached');
      }
    },
    (host) => requireUnpausedDemo(host, run),
  );
};

async function lookInside(context: DemoContext): Promise<{ looked: Looked; files: EvidenceFile[] }> {
  try {
    await bothClusters(context);
  } catch (error) {
    context.signal.throwIfAborted();
    return { looked: { problem: messageOf(error) }, files: [] };
  }
  const [report, files] = await Promise.all([verifyDemo(context), collectInside(context)]);
  return { looked: { report }, files };
}
