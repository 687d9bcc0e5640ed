import { messageOf } from '../../../errors.js';
import { NotYet } from '../../../k8s/api-errors.js';
import { virtualClusterNames } from '../../../k8s/demo.js';
import { sampleNamespace } from '../../../k8s/helloworld.js';
import { isProofRequired, tryDemoKubeconfig, type VirtualClusters } from '../../../k8s/kubeconfig.js';
import { readClusterFacts } from '../../../k8s/mesh-facts.js';
import { inClusterServer } from '../../../k8s/virtual-cluster.js';
import { bothClusters, placeOf, type DemoContext } from '../../context.js';
import type { Handler } from '../../job-run.js';
import { onReadyDemo } from '../../on-ready-demo.js';
import { findCauses } from './causes.js';
import { checkPair, type HostFacts } from './checks.js';
import { detailsFile, type Verified } from './details.js';
import { measureDirection } from './measure.js';
import { verifyMessage } from './messages.js';
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
  const { pair, directions, host } = await onReadyDemo(run, async (context) => {
    const { vc1, vc2 } = await bothClusters(context);
    const facts = { namespace: sampleNamespace, signal, deadlineFactor: config.stepDeadlineFactor };
    const [first, second, fromFirst, fromSecond, of] = await Promise.all([
      readClusterFacts({ ...facts, cluster: vc1, other: vc2 }),
      readClusterFacts({ ...facts, cluster: vc2, other: vc1 }),
      measureDirection(vc1, options),
      measureDirection(vc2, options),
      readHostFacts(context, { vc1, vc2 }),
    ]);
    return { pair: [first, second] as const, directions: [fromFirst, fromSecond], host: of };
  });
  const verdict = judge(directions, expectation);
  const findings = checkPair(pair, host, new Date());
  const verified: Verified = {
    demo: payload.demo,
    verdict,
    directions,
    expectation,
    findings,
    causes: findCauses({ demo: payload.demo, findings, pair, directions, verdict }),
    at: new Date(),
    tookMs: performance.now() - start,
  };
  const { publicProblem: problem } = host;
  const publicWay = problem === undefined ? undefined : { problem, isRequired: isProofRequired(config) };
  const posted = await slack.post(payload.requester, verifyMessage(verified, publicWay));
  // The verdict is what was asked for: whatever comes of the details, it is not posted a second time.
  await slack.replyWithFile(posted, payload.requester, detailsFile(verified)).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'details of verify were not posted');
  });
};

async function readHostFacts(context: DemoContext, clusters: VirtualClusters): Promise<HostFacts> {
  const { host, config, demo, signal } = context;
  const [publicProblem, ...addresses] = await Promise.all([
    tryDemoKubeconfig(host, config, demo, clusters, signal),
    ...virtualClusterNames.map(async (name) => {
      try {
        return [name, await inClusterServer(host, placeOf(demo, name))] as const;
      } catch (error) {
        if (!(error instanceof NotYet)) throw error;
        return [name, undefined] as const;
      }
    }),
  ]);
  return { publicProblem, apiAddresses: Object.fromEntries(addresses), credentialsEnd: demo.credentialsEnd };
}
