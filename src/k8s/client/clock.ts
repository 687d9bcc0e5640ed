import { formatDuration, minutes, seconds } from '../../duration.js';

/*
 * The time by the clock of an API, from the `Date` of its answers. What is due, and when something happened, must not depend
 * on which worker looks: their clocks may differ from it, and from one another.
 */

export interface ApiClock {
  /** By the worker's own clock until the API has answered. */
  now(): Date;
  /** Learns from the `Date` header of an answer that has just arrived. */
  learn(header: string | undefined): void;
}

/** Dates in headers have full seconds, and an answer may have been under way: so little counts as no difference. */
const toleranceMs = seconds(5);

export function createApiClock(ownNow: () => number = Date.now): ApiClock {
  let ownAheadMs = 0;
  return {
    now: () => new Date(ownNow() - ownAheadMs),
    learn(header) {
      const aheadMs = ownNow() - Date.parse(header ?? '');
      if (Number.isFinite(aheadMs)) ownAheadMs = Math.abs(aheadMs) <= toleranceMs ? 0 : aheadMs;
    },
  };
}

/** From here on, certificates and the times in logs are wrong. */
const remarkableMs = minutes(1);

/**
 * What operators read if the worker's clock differs from the host cluster's; undefined if it does not.
 * @param now the time by the host cluster's clock
 */
export function clockProblem(now: Date, own = new Date()): string | undefined {
  const aheadMs = Math.round((own.getTime() - now.getTime()) / seconds(1)) * seconds(1);
  if (Math.abs(aheadMs) < remarkableMs) return undefined;
  const apart = formatDuration(Math.abs(aheadMs));
  return `The worker's clock is ${apart} ${aheadMs > 0 ? 'ahead of' : 'behind'} the host cluster's. ${synchronizeClocks}`;
}

export const synchronizeClocks = 'Set the clocks of the worker and of the host cluster, and synchronize both with NTP.';
