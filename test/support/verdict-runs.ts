import { evenly, judgeShares, nextLook, type Expectation } from '../../src/jobs/commands/verify/shares.js';
import { balancedMesh, seededRandom, type BalancedMesh } from './least-request.js';

/* What verify decides about simulated meshes; the benchmark runs it ten thousand times, a test less often. */

interface Scenario {
  name: string;
  mesh: Omit<BalancedMesh, 'random'>;
  /** The verdict that every run must reach. */
  expected: 'pass' | 'fail';
}

const bursts = { size: 20, everyMs: 100 };
const errorRate = 0.01;

export const scenarios: readonly Scenario[] = [
  ...[1, 2, 3, 5, 10].map((ratio) => ({
    name: `both answer, service times 1:${ratio}`,
    mesh: { serviceMs: [2, 2 * ratio] as const, errorRate, bursts },
    expected: 'pass' as const,
  })),
  { name: 'a side is dead', mesh: { serviceMs: [2, 2], shareOfV2: 0, errorRate, bursts }, expected: 'fail' },
  { name: 'a side gets 5 %', mesh: { serviceMs: [2, 2], shareOfV2: 0.05, errorRate, bursts }, expected: 'fail' },
];

export interface Outcome {
  pass: number;
  fail: number;
  undecided: number;
  /** Number of requests in the longest run, and the mean. */
  most: number;
  mean: number;
}

export function runScenario({ mesh }: Scenario, runs: number, seed: number, expectation = evenly): Outcome {
  const outcome: Outcome = { pass: 0, fail: 0, undecided: 0, most: 0, mean: 0 };
  const random = seededRandom(seed);
  for (let run = 0; run < runs; run++) {
    const { kind, sent } = decide(balancedMesh({ ...mesh, random }), expectation);
    outcome[kind] += 1;
    outcome.most = Math.max(outcome.most, sent);
    outcome.mean += sent / runs;
  }
  return outcome;
}

/** As verify does: sends further requests until the shares are decided, up to the limit. */
function decide(send: (requests: number) => { v1: number; v2: number }, expectation: Expectation) {
  const counts = { v1: 0, v2: 0 };
  let sent = 0;
  for (;;) {
    const next = nextLook(sent, expectation);
    const { kind } = judgeShares(counts, expectation);
    if (next === undefined || (sent > 0 && kind !== 'undecided')) return { kind, sent };
    const { v1, v2 } = send(next - sent);
    counts.v1 += v1;
    counts.v2 += v2;
    sent = next;
  }
}
