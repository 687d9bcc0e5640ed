import { minutes, seconds } from '../duration.js';

/*
 * After Slack has limited a method, the calls that were held back must not all start together when it allows them again:
 * they would be limited again. They take turns, some time apart.
 */

/** Remembers which methods Slack limits. All clients with the same token share one, because Slack counts them together. */
export interface Paces {
  /**
   * Resolves when a call of the method may start: at once unless the method was limited lately; otherwise after the calls
   * that came before.
   * @param latest when it starts at the latest, as far as those before it have started (by `performance.now()`)
   */
  turn(method: string, latest: number, pause: (ms: number) => Promise<unknown>): Promise<void>;
  /** Slack has limited the method for so many milliseconds. */
  limit(method: string, forMs: number): void;
}

interface Pace {
  notBefore: number;
  /** When the calls need no longer take turns. */
  over: number;
  last: Promise<void>;
}

const turnsForMs = minutes(1);

/** Slack allows about 50 edits a minute, and one message a second in a channel; reading is allowed more often. */
const spacingOf = (method: string): number => (/^(chat|files)\./.test(method) ? seconds(1.2) : seconds(0.6));

export function createPaces(spacing: (method: string) => number = spacingOf): Paces {
  const paces = new Map<string, Pace>();
  return {
    async turn(method, latest, pause) {
      const pace = paces.get(method);
      if (pace === undefined || Math.max(pace.over, pace.notBefore) < performance.now()) return;
      const mine = pace.last.then(async () => {
        let start = performance.now();
        // The method may be limited once more while this call waits for its turn.
        for (let next = 0; (next = Math.min(pace.notBefore, latest)) > start; start = next)
          await pause(next - performance.now());
        pace.notBefore = Math.max(pace.notBefore, start + spacing(method));
      });
      pace.last = mine.catch(() => undefined);
      await mine;
    },
    limit(method, forMs) {
      const pace = paces.get(method) ?? { notBefore: 0, over: 0, last: Promise.resolve() };
      pace.notBefore = Math.max(pace.notBefore, performance.now() + forMs);
      pace.over = pace.notBefore + turnsForMs;
      paces.set(method, pace);
    },
  };
}
