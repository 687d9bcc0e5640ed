import type { Cluster } from '../../../k8s/cluster.js';
import { readClusterFacts } from '../../../k8s/mesh-facts.js';
import { findCauses, type Cause } from './causes.js';
import { checkPair, type Finding, type HostFacts, type PairFacts } from './checks.js';
import { measureDirection, type Direction } from './measure.js';
import { evenly, type Expectation } from './shares.js';
import { judge, type Verdict } from './verdict.js';

/*
 * Everything that verify does, for any two clusters with one mesh on one network: nothing here knows a demo or Slack.
 */

export interface Mesh {
  clusters: readonly [Cluster, Cluster];
  /** In both clusters, with sleep, and helloworld and its Service. */
  namespace: string;
}

export interface CheckOptions {
  signal: AbortSignal;
  /** Multiplies every deadline. */
  deadlineFactor?: number;
  /** What is known of the mesh beside its clusters; of a mesh that is not ours, nothing is. */
  host?: Promise<HostFacts>;
}

export interface VerifyOptions extends CheckOptions {
  /** Requests in parallel. */
  parallel: number;
  /** Equal shares by default. */
  expectation?: Expectation | undefined;
  /** Whose mesh it is, for the remedies; undefined if it is not a demo's. */
  demo?: string | undefined;
}

/** What was read of both clusters, and how each check ended. */
export interface MeshChecks {
  pair: PairFacts;
  host: HostFacts;
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
export async function checkMesh({ clusters, namespace }: Mesh, options: CheckOptions): Promise<MeshChecks> {
  const { signal, deadlineFactor = 1, host: reading = Promise.resolve({ apiAddresses: {} }) } = options;
  const [one, two] = clusters;
  const request = { namespace, signal, deadlineFactor };
  const [first, second, host] = await Promise.all([
    readClusterFacts({ ...request, cluster: one, other: two }),
    readClusterFacts({ ...request, cluster: two, other: one }),
    reading,
  ]);
  const pair = [first, second] as const;
  return { pair, host, findings: checkPair(pair, host, new Date()) };
}

/** Runs the checks and sends requests from both clusters, beside each other, and judges what came of it. */
export async function verifyMesh(mesh: Mesh, options: VerifyOptions): Promise<MeshReport> {
  const start = performance.now();
  const { clusters, namespace } = mesh;
  const { parallel, expectation = evenly, signal, deadlineFactor = 1, demo } = options;
  const sending = { namespace, parallel, expectation, signal, deadlineFactor };
  const [checks, ...directions] = await Promise.all([
    checkMesh(mesh, options),
    measureDirection(clusters[0], sending),
    measureDirection(clusters[1], sending),
  ]);
  const verdict = judge(directions, expectation);
  return {
    ...checks,
    verdict,
    directions,
    expectation,
    causes: findCauses({ ...checks, demo, directions, verdict }),
    at: new Date(),
    tookMs: performance.now() - start,
  };
}
