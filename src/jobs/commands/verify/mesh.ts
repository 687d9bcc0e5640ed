import { seconds } from '../../../duration.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import type { Fact } from '../../../k8s/fact.js';
import { readClusterFacts, readRules } from '../../../k8s/mesh/mesh-facts.js';
import type { MeshRule } from '../../../k8s/mesh/mesh-rules.js';
import { readMeshName } from '../../../k8s/mesh/remote-clusters.js';
import { findCauses, type Cause } from './causes.js';
import { checkPair, type Finding, type HostFacts, type PairFacts } from './checks.js';
import { expectationIn } from './expected.js';
import { measureDirection, type Direction } from './measure.js';
import { evenly, type Expectation } from './shares.js';
import { judge, type Verdict } from './verdict.js';

/*
 * Everything that verify does, for any two clusters with one mesh on one network: nothing here knows a demo or Slack.
 */

interface Mesh {
  clusters: readonly [Cluster, Cluster];
  /** In both clusters, with sleep, and helloworld and its Service. */
  namespace: string;
  /** Whether istiod calls the clusters by other names than we do. */
  hasOwnNames?: boolean;
}

type Rules = Promise<Fact<MeshRule[]>>;

interface CheckOptions {
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor?: number;
  /** What is known of the mesh beside its clusters, if it is a demo's. */
  host?: Promise<HostFacts>;
  /** The clusters' rules, if they are read already. */
  rules?: readonly [Rules, Rules];
}

interface VerifyOptions extends Omit<CheckOptions, 'rules'> {
  /** Requests in parallel. */
  parallel: number;
  /** By default what a VirtualService of the client's cluster states, else equal shares. */
  expectation?: Expectation | undefined;
  /** Whose mesh it is, for the remedies; undefined if it is not a demo's. */
  demo?: string | undefined;
}

/** What was read of both clusters, and how each check ended. */
interface MeshChecks {
  pair: PairFacts;
  host: HostFacts | undefined;
  findings: readonly Finding[];
}

export interface MeshReport extends MeshChecks {
  verdict: Verdict;
  directions: readonly Direction[];
  expectation: Expectation;
  causes: readonly Cause[];
  at: Date;
  tookMs: number;
}

/** How many requests are sent in parallel by default. */
export const defaultRequests = 12;

/** Runs the checks, beside each other; what could not be read in time is unknown. */
async function checkMesh(mesh: Mesh, options: CheckOptions): Promise<MeshChecks> {
  const { clusters, namespace, hasOwnNames = false } = mesh;
  const { signal, deadlineFactor = 1, rules } = options;
  const [one, two] = clusters;
  const request = { namespace, signal, deadlineFactor };
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(seconds(5) * deadlineFactor))]);
  const nameOf = async (cluster: Cluster) =>
    (hasOwnNames && (await readMeshName(cluster.with({ signal: inTime })).catch(() => undefined))) || cluster.name;
  const [first, second, host] = await Promise.all([
    readClusterFacts({
      ...request,
      cluster: one,
      other: two,
      otherName: nameOf(two),
      ...(rules && { rules: rules[0] }),
    }),
    readClusterFacts({
      ...request,
      cluster: two,
      other: one,
      otherName: nameOf(one),
      ...(rules && { rules: rules[1] }),
    }),
    options.host,
  ]);
  const pair = [first, second] as const;
  return { pair, host, findings: checkPair(pair, host, one.now()) };
}

/** Runs the checks and sends requests from both clusters, beside each other, and judges what came of it. */
export async function verifyMesh(mesh: Mesh, options: VerifyOptions): Promise<MeshReport> {
  const start = performance.now();
  const { clusters, namespace } = mesh;
  const { parallel, expectation = evenly, signal, deadlineFactor = 1, demo } = options;
  const rulesOf = (cluster: Cluster) => readRules({ cluster, namespace, signal, deadlineFactor });
  const rules = [rulesOf(clusters[0]), rulesOf(clusters[1])] as const;
  const expectationFrom = async (read: Rules) =>
    options.expectation ?? expectationIn((await read).value ?? []) ?? evenly;
  const sendingBy = (read: Rules) => ({
    namespace,
    parallel,
    expectation: expectationFrom(read),
    signal,
    deadlineFactor,
  });
  const [checks, ...directions] = await Promise.all([
    checkMesh(mesh, { ...options, rules }),
    measureDirection(clusters[0], sendingBy(rules[0])),
    measureDirection(clusters[1], sendingBy(rules[1])),
  ]);
  const verdict = judge(directions, expectation);
  return {
    ...checks,
    verdict,
    directions,
    expectation,
    causes: findCauses({ ...checks, demo, directions, verdict }),
    at: clusters[0].now(),
    tookMs: performance.now() - start,
  };
}
