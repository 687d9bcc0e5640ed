import { setMaxListeners } from 'node:events';
import { asError } from '../errors.js';

/** The result of a check: it holds, possibly with a note for people, or what was seen instead. */
export type Check = { holds: true; note?: string } | Lacking;

export interface Lacking {
  holds: false;
  seen: string;
}

export const holds: Check = { holds: true };
export const lacks = (seen: string): Lacking => ({ holds: false, seen });

/** Holds if nothing is missing; otherwise `missing` is what was seen. */
export const unless = (missing: string | undefined): Check => (missing === undefined ? holds : lacks(missing));

/**
 * Waits until a check holds, and returns what it found.
 * @throws Error naming what was awaited and what was last seen; rethrows at once whatever `check` throws.
 */
export async function waitUntil<Held extends { holds: true }>(
  awaited: string,
  check: () => Promise<Held | Lacking>,
  wait: Wait,
): Promise<Held> {
  const result = await lookFor(check, wait);
  if (result.holds) return result;
  throw new Error(
    `timed out after ${Math.round(wait.withinMs / 1000)} s waiting for ${awaited}; last seen: ${result.seen}`,
  );
}

interface Wait {
  withinMs: number;
  signal: AbortSignal;
  everyMs?: number;
}

/** Looks until a check holds or the time is over, and returns what it found last. */
export async function lookFor<Held extends { holds: true }>(
  check: () => Promise<Held | Lacking>,
  { withinMs, signal, everyMs = 300 }: Wait,
): Promise<Held | Lacking> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const result = await check();
    if (result.holds || performance.now() + everyMs > deadline) return result;
    await pause(everyMs, signal);
  }
}

/** Resolves after the time, or rejects with the signal's reason if it is aborted first. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal) setMaxListeners(0, signal); // many requests of one job may wait for their next attempt
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(asError(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
