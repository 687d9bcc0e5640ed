import { sendRequests } from '../../../k8s/helloworld.js';
import { isProofRequired, tryDemoKubeconfig } from '../../../k8s/kubeconfig.js';
import { bothClusters } from '../../context.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../ready-demo.js';
import { verifyMessage } from './message.js';

/** How many requests are sent by default. */
const defaultRequests = 12;

/** Sends requests through the mesh, logs in through the public names, and posts who answered. */
export const verify: Handler<'verify'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const start = performance.now();
  const [hits, problem] = await onReadyDemo(run, async (context) => {
    const clusters = await bothClusters(context);
    return await Promise.all([
      sendRequests(clusters.vc1, payload.requests ?? defaultRequests, signal, config),
      tryDemoKubeconfig(context.host, config, context.demo, clusters, signal),
    ]);
  });
  const publicWay = problem === undefined ? undefined : { problem, isRequired: isProofRequired(config) };
  await slack.post(payload.requester, verifyMessage(payload.demo, hits, performance.now() - start, publicWay));
};
