import { atLeast, atMost, twoSided, upperBound } from './binomial.js';
import { valueAt } from '../../../records.js';

/*
 * Whether both sides take part, judged by the shares of requests that were sent one after the other. Istio's balancer
 * sends less to the slower side of requests in parallel, and that is no fault: no even split is demanded, but that no
 * side has less than a fifth of what it should have. `npm run bench:verdict` measures how often this errs.
 */

/** By version; they need not add up to anything. */
export type Weights = Readonly<Record<string, number>>;

export interface Expectation {
  weights: Weights;
  /** Whether somebody stated them, so that the shares have to match, not only to exist. */
  isStated: boolean;
  /** The rule of the mesh that states them, such as `VirtualService sample/canary`; undefined if a person did. */
  by?: string;
  /** A rule that states shares which cannot be compared with those of versions: what it says. */
  unjudged?: string;
}

export const evenly: Expectation = { weights: { v1: 1, v2: 1 }, isStated: false };

export const shareRule = {
  /** A side with less of its share than this is as good as absent: 10 % where 50 % are expected. */
  leastPart: 0.2,
  /** The probability of chance at which a share counts as decided. */
  error: 1e-4,
  /** Requests that are sent at first. */
  first: 24,
  /** The same where weights are stated. */
  firstIfStated: 200,
  /** Requests after which an open share stays open. */
  bound: 2000,
} as const;

export interface ShareVerdict {
  kind: 'pass' | 'undecided' | 'fail';
  /** In one sentence without a full stop. */
  reason: string;
  /** The version that decided: the one with the least of its share. */
  version: string;
  /** Chance of a split at least as odd, if every version had its share. */
  pValue: number;
}

/** Judges answers by version; those of versions that nobody expects count against the others. */
export function judgeShares(
  counts: Readonly<Record<string, number>>,
  { weights, isStated }: Expectation,
): ShareVerdict {
  const answers = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const sides = Object.entries(weights).map(([version, weight]) => {
    const expected = weight / total;
    const count = valueAt(counts, version) ?? 0;
    const least = expected * shareRule.leastPart;
    return {
      version,
      count,
      expected,
      isBelow: atMost(count, answers, least) <= shareRule.error,
      isAbove: expected === 0 || atLeast(count, answers, least) <= shareRule.error,
      pValue: twoSided(count, answers, expected),
    };
  });
  const part = ({ count, expected }: { count: number; expected: number }) =>
    expected === 0 ? Infinity : count / expected;
  const rarest = sides.reduce((a, b) => (part(b) < part(a) ? b : a));
  const decided = (kind: ShareVerdict['kind'], reason: string, side = rarest): ShareVerdict => ({
    kind,
    reason,
    version: side.version,
    pValue: side.pValue,
  });
  const below = rarest.isBelow ? rarest : sides.find(({ isBelow }) => isBelow);
  if (below)
    return decided(
      'fail',
      below.count === 0
        ? `${below.version} never answers`
        : `${below.version} answered ${below.count} of ${answers} requests; its true share is at most ${percent(upperBound(below.count, answers, shareRule.error))}`,
      below,
    );
  const unlike = isStated && sides.find(({ pValue }) => pValue <= shareRule.error);
  if (unlike)
    return decided(
      'fail',
      `${unlike.version} answered ${percent(unlike.count / answers)} of the requests, not ${percent(unlike.expected)}`,
      unlike,
    );
  if (sides.every(({ isAbove }) => isAbove))
    return decided('pass', isStated ? 'the shares are as expected' : 'both versions answer');
  return decided(
    'undecided',
    rarest.count === 0
      ? `${rarest.version} has not answered yet`
      : `${rarest.version} answered ${rarest.count} of ${answers} requests, which may be chance`,
  );
}

/** How many requests there should be before the first look. */
export const firstLook = ({ isStated }: Expectation): number => (isStated ? shareRule.firstIfStated : shareRule.first);

/** How many requests there should be in all before the next look; undefined when that is decided, or stays open. */
export function nextLook(sent: number, expectation: Expectation): number | undefined {
  const first = firstLook(expectation);
  if (sent < first) return first;
  return sent >= shareRule.bound ? undefined : Math.min(sent * 2, shareRule.bound);
}

export const percent = (share: number): string => {
  const value = share * 100;
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
};
