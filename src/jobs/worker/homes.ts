import type { Redis } from 'ioredis';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { viewedForMs, viewerOf, viewersKey, type Viewer } from '../../home-viewers.js';
import type { Log } from '../../log.js';

/** Refreshes the Homes of people who have theirs open. */
export interface Homes {
  /** A demo has changed, or is about to. */
  changed(): void;
  close(): void;
}

interface HomesOptions {
  redis: Pick<Redis, 'zrevrangebyscore' | 'zremrangebyscore'>;
  hostCluster: string | undefined;
  /** Fills the Homes; those who may not see demos are left out. */
  fill(viewers: readonly Viewer[]): Promise<void>;
  log: Log;
  /** From a change to the refresh, and between two of them: at least, and for each Home that is refreshed. */
  pauseMs?: { first: number; next: number; perHome?: number };
}

/** Slack publishes more than a hundred views a minute; these take turns, so that a worker publishes at most 80. */
const mostViewers = 20;

/** Changes that follow each other closely cause one refresh. */
export function createHomes({ redis, hostCluster, fill, log, pauseMs }: HomesOptions): Homes {
  const { first, next, perHome = 0 } = pauseMs ?? { first: seconds(2), next: seconds(3), perHome: seconds(0.75) };
  const key = viewersKey(hostCluster);
  let timer: NodeJS.Timeout | undefined;
  let lastAt = -Infinity;
  let filled = 0;

  async function refresh(): Promise<void> {
    const since = Date.now() - viewedForMs;
    const members = await redis.zrevrangebyscore(key, '+inf', since, 'LIMIT', 0, mostViewers);
    await redis.zremrangebyscore(key, '-inf', since);
    const viewers = members.flatMap((member) => viewerOf(member) ?? []);
    filled = viewers.length;
    if (filled > 0) await fill(viewers);
  }

  return {
    changed() {
      if (timer !== undefined) return;
      const waitMs = Math.max(first, lastAt + Math.max(next, filled * perHome) - performance.now());
      timer = setTimeout(() => {
        timer = undefined;
        lastAt = performance.now();
        refresh().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'Homes were not refreshed'));
      }, waitMs).unref();
    },
    close: () => clearTimeout(timer),
  };
}
