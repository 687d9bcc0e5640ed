import type { Holder } from '../../../k8s/demo/lease.js';
import { sampleNamespace } from '../../../k8s/mesh/helloworld.js';
import { isProofRequired } from '../../../k8s/credentials/kubeconfig.js';
import { bothClusters, type DemoContext } from '../../context.js';
import { whileVerifying } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import type { Verified } from './details.js';
import { readHostFacts } from './host-facts.js';
import { defaultRequests, verifyMesh, type MeshReport } from './mesh.js';
import type { Weights } from './shares.js';

/** What a verify found in a demo, with everything that it read. */
export type DemoReport = MeshReport & Verified;

interface DemoVerifyOptions {
  /** Requests in parallel; 12 by default. */
  requests?: number | undefined;
  expect?: Weights | undefined;
}

/** Verifies a demo as the only worker to do so; resolves with the job that is at it if there is one. */
export const verifyAlone = (
  run: JobRun<'verify'> | JobRun<'reverify'>,
  context: DemoContext,
  options?: DemoVerifyOptions,
): Promise<DemoReport | Holder> =>
  whileVerifying(run, context, (signal) => verifyDemo({ ...context, signal }, options));

/** Verifies a demo's mesh, with what is known of it in the host cluster. */
export async function verifyDemo(
  context: DemoContext,
  { requests = defaultRequests, expect }: DemoVerifyOptions = {},
): Promise<DemoReport> {
  const { demo, config, signal } = context;
  const clusters = await bothClusters(context);
  const report = await verifyMesh(
    { clusters: [clusters.vc1, clusters.vc2], namespace: sampleNamespace },
    {
      parallel: requests,
      expectation: expect && { weights: expect, isStated: true },
      demo: demo.name,
      host: readHostFacts(context, clusters),
      signal,
      deadlineFactor: config.stepDeadlineFactor,
    },
  );
  const problem = report.host?.kubeconfig?.value?.publicProblem;
  const publicWay = problem === undefined ? undefined : { problem, isRequired: isProofRequired(config) };
  return { ...report, demo: demo.name, hostCluster: demo.hostCluster, publicWay };
}
