/*
 * Envoy's least-request balancer with two endpoints, as experienced by sequential requests of one client while bursts of
 * other requests pass through the same sidecar.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#weighted-least-request
 */

export interface BalancedMesh {
  /** Mean service time of v1 and v2, ms; each handles one request at a time. */
  serviceMs: readonly [number, number];
  /** A fixed share of requests for v2, such as that of a weighted route; undefined for least-request. */
  shareOfV2?: number;
  /** The share of requests that fail, at random. */
  errorRate: number;
  /** Size of a burst of other requests, and the mean interval between bursts, ms. */
  bursts: { size: number; everyMs: number };
  random: () => number;
}

/** Sends that many requests one after another; those not counted have failed. */
export function balancedMesh(mesh: BalancedMesh): (requests: number) => { v1: number; v2: number } {
  const { serviceMs, shareOfV2, errorRate, bursts, random } = mesh;
  /** When each request at an endpoint ends, in order. */
  const ends: [number[], number[]] = [[], []];
  let now = 0;
  let nextBurst = bursts.everyMs * random();

  const active = (side: 0 | 1) => {
    const queue = ends[side];
    while (queue.length > 0 && queue[0]! <= now) queue.shift();
    return queue.length;
  };
  const any = (): 0 | 1 => (random() < 0.5 ? 0 : 1);
  const pick = (): 0 | 1 => {
    if (shareOfV2 !== undefined) return random() < shareOfV2 ? 1 : 0;
    const [one, other] = [any(), any()];
    return active(one) <= active(other) ? one : other;
  };
  const start = (side: 0 | 1): number => {
    active(side);
    const end = Math.max(now, ends[side].at(-1) ?? 0) + serviceMs[side] * (0.5 + random());
    ends[side].push(end);
    return end;
  };

  return (requests) => {
    const counts = { v1: 0, v2: 0 };
    for (let sent = 0; sent < requests; sent++) {
      const side = pick();
      const end = start(side);
      for (; nextBurst < end; nextBurst += bursts.everyMs * 2 * random()) {
        now = Math.max(now, nextBurst);
        for (let other = 0; other < bursts.size; other++) start(pick());
      }
      now = Math.max(now, end);
      if (random() >= errorRate) counts[side === 0 ? 'v1' : 'v2'] += 1;
    }
    return counts;
  };
}

/** Pseudo-random numbers from 0 to 1; the same seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
