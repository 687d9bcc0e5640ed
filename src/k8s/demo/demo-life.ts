import { minutes } from '../../duration.js';
import type { Demo } from './demo.js';

/* The lifetime of a demo: when it begins, is on hold and ends, and what is due until then. */

/** A demo without pods; with `stopsExpiry` its lifetime is on hold. */
export function pausedDemo(
  demo: Demo,
  now: Date,
  { stopsExpiry, jobId }: { stopsExpiry: boolean; jobId?: string },
): Demo {
  if (demo.state === 'paused') return jobId ? { ...demo, paused: { since: now, ...demo.paused, jobId } } : demo;
  const leftMs = Math.max(0, demo.expires.getTime() - now.getTime());
  const paused = { since: now, ...(stopsExpiry && { leftMs }), ...(jobId !== undefined && { jobId }) };
  return { ...demo, state: 'paused', problem: undefined, paused };
}

/** A demo that is no longer paused; its lifetime goes on. */
export function awakeDemo(demo: Demo, now: Date): Demo {
  const { leftMs } = demo.paused ?? {};
  const expires = leftMs === undefined ? demo.expires : new Date(now.getTime() + leftMs);
  return { ...demo, expires, paused: undefined };
}

/** A demo that has become ready; its lifetime starts with the first time. */
export function readyDemo(demo: Demo, now: Date): Demo {
  const begins = { ready: now, expires: new Date(now.getTime() + demo.ttlMs) };
  return { ...demo, ...(demo.ready === undefined && begins), state: 'ready', problem: undefined, used: now };
}

/**
 * The demo, living longer. The time is added to its end, or to now if it has just expired.
 * @throws TooLong if it would then live for more than `maxTtlMs` from now
 */
export function extendDemo(demo: Demo, { byMs, maxTtlMs, now }: { byMs: number; maxTtlMs: number; now: Date }): Demo {
  const leftMs = demo.paused?.leftMs ?? Math.max(0, demo.expires.getTime() - now.getTime());
  // One that is not ready yet lives from the moment when it is, or ends if it never is.
  const endsIn = demo.ready === undefined ? Math.min(demo.ttlMs, leftMs) : leftMs;
  if (endsIn + byMs > maxTtlMs) throw new TooLong(Math.max(0, maxTtlMs - endsIn));
  const from = Math.max(demo.expires.getTime(), now.getTime());
  const ttlMs = Math.min(demo.ttlMs + byMs, Math.max(demo.ttlMs, maxTtlMs));
  const longer = { ...demo, ttlMs, expires: new Date(from + byMs) };
  const { paused } = demo;
  return paused?.leftMs === undefined ? longer : { ...longer, paused: { ...paused, leftMs: paused.leftMs + byMs } };
}

/** A demo cannot be extended by that much. */
export class TooLong extends RangeError {
  constructor(
    /** What can be added, in milliseconds. */
    readonly atMostMs: number,
  ) {
    super('the demo would live too long');
  }
}

/** Whether the lifetime of a demo stands still, because it is paused. */
export const isOnHold = ({ paused }: Pick<Demo, 'paused'>): boolean => paused?.leftMs !== undefined;

/** Whether a demo has expired. */
export const isExpired = (demo: Demo, now: Date): boolean => !isOnHold(demo) && demo.expires <= now;

/** Whether a demo is to be removed without a command: it has expired, or a failed delete has finished by itself. */
export const isDue = (demo: Demo, now: Date): boolean =>
  isExpired(demo, now) || (demo.state === 'deleting' && demo.places.length === 0);

/** When a ready demo's mesh is to be verified by itself; undefined of one without a schedule. */
export const nextVerify = ({ state, schedule }: Pick<Demo, 'state' | 'schedule'>): Date | undefined =>
  state === 'ready' && schedule ? new Date(schedule.last.getTime() + schedule.everyMs) : undefined;

export function isVerifyDue(demo: Pick<Demo, 'state' | 'schedule'>, now: Date): boolean {
  const next = nextVerify(demo);
  return next !== undefined && next <= now;
}

/** How long before its end the owner of a demo is reminded; of one that lives shortly, when half of its life is left. */
export const reminderMs = minutes(30);

type Ending = Pick<Demo, 'state' | 'created' | 'ready' | 'expires' | 'reminded' | 'paused'>;

/** Whether its owner is to be reminded that it expires soon; a demo that lives shortly has half its life before that. */
export const isReminderDue = (
  { state, created, ready = created, expires, reminded, paused }: Ending,
  now: Date,
): boolean => {
  const leftMs = expires.getTime() - now.getTime();
  const livesMs = expires.getTime() - ready.getTime();
  const isSoon = leftMs > 0 && leftMs <= Math.min(reminderMs, livesMs / 2);
  // One whose creation failed may be in use as far as it got.
  const isKept = state === 'ready' || state === 'failed' || (state === 'paused' && paused?.leftMs === undefined);
  return isKept && isSoon && reminded?.getTime() !== expires.getTime();
};
