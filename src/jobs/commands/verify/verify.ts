import { isProofRequired, tryDemoKubeconfig } from '../../../k8s/kubeconfig.js';
import { messageOf } from '../../../errors.js';
import { bothClusters } from '../../context.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { detailsFile, type Verified } from './details.js';
import { measureDirection } from './measure.js';
import { verifyMessage } from './message.js';
import { evenly, type Expectation } from './shares.js';
import { judge } from './verdict.js';

/** How many requests are sent in parallel by default. */
const defaultRequests = 12;

/** Sends requests through the mesh from both clusters, logs in through the public names, and posts the verdict. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, config, slack, signal, log } = run;
  const start = performance.now();
  const expectation: Expectation = payload.expect ? { weights: payload.expect, isStated: true } : evenly;
  const options = { parallel: payload.requests ?? defaultRequests, expectation, signal, config };
  const [directions, problem] = await onReadyDemo(run, async (context) => {
    const clusters = await bothClusters(context);
    return await Promise.all([
      Promise.all([clusters.vc1, clusters.vc2].map((cluster) => measureDirection(cluster, options))),
      tryDemoKubeconfig(context.host, config, context.demo, clusters, signal),
    ]);
  });
  const verified: Verified = {
    demo: payload.demo,
    verdict: judge(directions, expectation),
    directions,
    expectation,
    at: new Date(),
    tookMs: performance.now() - start,
  };
  const publicWay = problem === undefined ? undefined : { problem, isRequired: isProofRequired(config) };
  const posted = await slack.post(payload.requester, verifyMessage(verified, publicWay));
  // The verdict is what was asked for: whatever comes of the details, it is not posted a second time.
  await slack.replyWithFile(posted, payload.requester, detailsFile(verified)).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'The details of verify were not posted');
  });
};
