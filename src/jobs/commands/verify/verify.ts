import { messageOf } from '../../../errors.js';
import { sampleNamespace } from '../../../k8s/helloworld.js';
import { isProofRequired } from '../../../k8s/kubeconfig.js';
import { bothClusters } from '../../context.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { detailsFile, type Verified } from './details.js';
import { readHostFacts } from './host-facts.js';
import { defaultRequests, verifyMesh } from './mesh.js';
import { verifyMessage } from './messages.js';

/** Sends requests through the mesh from both clusters, logs in through the public names, and posts the verdict. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, config, slack, signal, log } = run;
  const { demo } = payload;
  const report = await onReadyDemo(run, async (context) => {
    const clusters = await bothClusters(context);
    return await verifyMesh(
      { clusters: [clusters.vc1, clusters.vc2], namespace: sampleNamespace },
      {
        parallel: payload.requests ?? defaultRequests,
        expectation: payload.expect && { weights: payload.expect, isStated: true },
        demo,
        host: readHostFacts(context, clusters),
        signal,
        deadlineFactor: config.stepDeadlineFactor,
      },
    );
  });
  const verified: Verified = { demo, ...report };
  const problem = report.host?.publicProblem;
  const publicWay = problem === undefined ? undefined : { problem, isRequired: isProofRequired(config) };
  const posted = await slack.post(payload.requester, verifyMessage(verified, publicWay));
  // The verdict is what was asked for: whatever comes of the details, it is not posted a second time.
  await slack.replyWithFile(posted, payload.requester, detailsFile(verified)).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'details of verify were not posted');
  });
};
