/*
 * Exact tails of the binomial distribution: of `n` requests of which each goes to a side with probability `p`, so many
 * went there.
 */

/** The probability of `k` or fewer. */
export function atMost(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  return k >= n ? 1 : Math.min(1, sumOf(0, k, n, p));
}

/** The probability of `k` or more. */
export function atLeast(k: number, n: number, p: number): number {
  if (k > n) return 0;
  return k <= 0 ? 1 : Math.min(1, sumOf(k, n, n, p));
}

/**
 * The two-sided p-value: the probability of everything that is no likelier than `k`.
 * @see https://stat.ethz.ch/R-manual/R-devel/library/stats/html/binom.test.html
 */
export function twoSided(k: number, n: number, p: number): number {
  const observed = probability(k, n, p) * (1 + 1e-7);
  let total = 0;
  for (let other = 0; other <= n; other++) {
    const likelihood = probability(other, n, p);
    if (likelihood <= observed) total += likelihood;
  }
  return Math.min(1, total);
}

/**
 * The highest share that `k` of `n` leave open (Clopper and Pearson): with any higher one, so few would be less likely
 * than `error`.
 */
export function upperBound(k: number, n: number, error: number): number {
  if (k >= n) return 1;
  let [low, high] = [k / n, 1];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (atMost(k, n, middle) > error) low = middle;
    else high = middle;
  }
  return high;
}

function sumOf(from: number, to: number, n: number, p: number): number {
  let total = 0;
  for (let k = from; k <= to; k++) total += probability(k, n, p);
  return total;
}

function probability(k: number, n: number, p: number): number {
  if (p <= 0) return k === 0 ? 1 : 0;
  if (p >= 1) return k === n ? 1 : 0;
  return Math.exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
}

const logFactorials = [0];

function logFactorial(n: number): number {
  for (let next = logFactorials.length; next <= n; next++)
    logFactorials.push((logFactorials[next - 1] ?? 0) + Math.log(next));
  return logFactorials[n] ?? 0;
}
