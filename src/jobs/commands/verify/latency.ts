/** Milliseconds. */
export interface Latency {
  median: number;
  p95: number;
  max: number;
}

/** Undefined of no requests. */
export function latencyOf(times: readonly number[]): Latency | undefined {
  if (times.length === 0) return undefined;
  return { median: quantile(times, 0.5), p95: quantile(times, 0.95), max: quantile(times, 1) };
}

/** The nearest rank: a time that was measured. */
function quantile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

/** `4 ms`, `0.4 ms`, `1.2 s` */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toFixed(1))} ms`;
}
