import { errorsOf, joinRuns, type Run, type Traffic } from '../../../k8s/mesh/traffic.js';
import { brief } from '../../slack/messages.js';
import { twoSided } from './binomial.js';
import { formatMs } from './latency.js';
import type { Direction } from './measure.js';
import { judgeShares, percent, shareRule, type Expectation, type ShareVerdict, type Weights } from './shares.js';
import { valueAt } from '../../../records.js';
import { medianOf } from '../../../median.js';

export type VerdictKind = 'pass' | 'inconclusive' | 'fail';

export interface DirectionVerdict {
  from: string;
  kind: VerdictKind;
  /** In one sentence without a full stop. */
  reason: string;
  /** Undefined where no requests could be sent. */
  shares?: ShareVerdict;
  /** What is worth knowing and no fault. */
  remarks: string[];
}

/** What traffic says about the mesh. */
export interface Verdict {
  kind: VerdictKind;
  reason: string;
  directions: DirectionVerdict[];
}

/** The worst of the directions decides; errors are worse than any share. `expectation` is for directions without their own. */
export function judge(directions: readonly Direction[], expectation: Expectation): Verdict {
  const judged = directions.map((direction) => judgeDirection(direction, expectation));
  const kind = (['fail', 'inconclusive'] as const).find((worst) => judged.some((one) => one.kind === worst)) ?? 'pass';
  if (kind === 'pass') {
    const isStated = directions.some((one) => (one.expectation ?? expectation).isStated);
    const reason = isStated ? 'the mesh works, the shares are as expected' : passing;
    return { kind, reason, directions: judged };
  }
  const deciding = judged.filter((one) => one.kind === kind);
  const [first] = deciding;
  const isSame = deciding.length > 1 && deciding.every((one) => one.reason === first?.reason);
  const reason =
    first && isSame
      ? `from every cluster, ${first.reason}`
      : deciding.map(({ from, reason: why }) => `from ${from}, ${why}`).join('; ');
  return { kind, reason, directions: judged };
}

const passing = 'the mesh works: both versions answer';

export function judgeDirection(direction: Direction, ofAll: Expectation): DirectionVerdict {
  const { from, traffic, problem = '', isLate, expectation = ofAll } = direction;
  if (isLate) return { from, kind: 'inconclusive', reason: problem, remarks: [] };
  if (!traffic) return { from, kind: 'fail', reason: `no request could be sent: ${problem}`, remarks: [] };
  const shares = judgeShares(traffic.sequential.versions, expectation);
  const judged = { from, shares, remarks: remarksOn(traffic, expectation) };
  const failure = failureOf(traffic, expectation);
  if (failure !== undefined) return { ...judged, kind: 'fail', reason: failure };
  return { ...judged, kind: shares.kind === 'undecided' ? 'inconclusive' : shares.kind, reason: shares.reason };
}

/** Why requests failed, by the most frequent error; undefined where all were answered. */
function failureOf({ parallel, sequential }: Traffic, { weights }: Expectation): string | undefined {
  const { requests, errors, versions } = joinRuns(parallel, sequential);
  const [worst] = Object.entries(errors).toSorted(([, a], [, b]) => b - a);
  if (!worst) return undefined;
  const failed = errorsOf({ errors });
  const silent = Object.entries(weights).flatMap(([version, weight]) =>
    weight > 0 && !Object.hasOwn(versions, version) ? [version] : [],
  );
  const who = failed < requests && silent.length > 0 ? `, and ${silent.join(' and ')} never answers` : '';
  return `${failed === requests ? 'no request is answered' : `${failed} of ${requests} requests fail`}${who}: ${brief(worst[0])}`;
}

/** A version that takes twice as long as another, and so many milliseconds longer, is worth a remark. */
const noticeableMs = 20;

function remarksOn(
  { parallel, sequential, retries }: Traffic,
  { weights, isStated, by, unjudged }: Expectation,
): string[] {
  const remarks: string[] = [];
  if (by !== undefined) remarks.push(`judged by the weights of ${by}: ${formatWeights(weights)}`);
  if (unjudged !== undefined)
    remarks.push(`${unjudged}; verify does not know which version is where, so state the shares with --expect`);
  const medians = Object.entries(sequential.timesByVersion)
    .map(([version, times]) => ({ version, ms: medianOf(times) }))
    .toSorted((a, b) => a.ms - b.ms);
  const [fast, slow] = [medians[0], medians.at(-1)];
  const both = fast && slow && `${slow.version} ${formatMs(slow.ms)}, ${fast.version} ${formatMs(fast.ms)} (median)`;
  const uneven = isStated ? undefined : unevenVersion(parallel, weights);
  if (uneven !== undefined)
    remarks.push(
      `${uneven} gets ${percent((parallel.versions[uneven] ?? 0) / parallel.requests)} of the requests in parallel: Istio sends fewer to the slower side, which is not a fault${both ? `; ${both}` : ''}`,
    );
  else if (both && slow.ms > 2 * fast.ms && slow.ms - fast.ms > noticeableMs)
    remarks.push(`${slow.version} is slower: ${both}`);
  if (retries) remarks.push(`the sidecar retried ${retries} requests`);
  const strangers = Object.keys({ ...parallel.versions, ...sequential.versions }).filter(
    (version) => !Object.hasOwn(weights, version),
  );
  if (strangers.length > 0)
    remarks.push(`other versions answer too: ${strangers.map((text) => brief(text)).join(', ')}`);
  return remarks;
}

const formatWeights = (weights: Weights): string =>
  Object.entries(weights)
    .map(([version, weight]) => `${version}=${weight}`)
    .join(',');

/** The version that got less than chance explains. */
function unevenVersion({ requests, versions }: Run, weights: Weights): string | undefined {
  const [rarest] = Object.keys(weights)
    .map((version) => ({ version, count: valueAt(versions, version) ?? 0 }))
    .toSorted((a, b) => a.count - b.count);
  const isUneven = rarest && rarest.count > 0 && twoSided(rarest.count, requests, 1 / 2) <= shareRule.error;
  return isUneven ? rarest.version : undefined;
}
