import type { Redis } from 'ioredis';
import { seconds } from '../../duration.js';

/** Shorter than the minute between two turns, so that the worker that had one can have the next. */
export const upkeepTurnMs = seconds(50);

const turnKey = (hostCluster: string | undefined) =>
  ['bull:upkeep-turn', ...(hostCluster === undefined ? [] : [hostCluster])].join('-');

/**
 * Whether this worker looks after the demos now. Of all workers of a host cluster, one does in each minute, however many there
 * are; and each does when it starts, because it may be the first for a long time, and after a verify, whose demo may have to
 * be verified again long after the worker was scaled away.
 */
export async function takeUpkeepTurn(
  redis: Keys,
  hostCluster: string | undefined,
  isUrgent: boolean,
): Promise<boolean> {
  const key = turnKey(hostCluster);
  return isUrgent ? await put(redis, key, upkeepTurnMs) : await takeFree(redis, key, upkeepTurnMs);
}

/** Lets another worker have the turn of this one, which could not look. */
export const leaveUpkeepTurn = (redis: Pick<Redis, 'del'>, hostCluster: string | undefined): Promise<unknown> =>
  redis.del(turnKey(hostCluster));

type Keys = Pick<Redis, 'set' | 'pttl'>;

const put = async (redis: Keys, key: string, forMs: number) =>
  (await redis.set(key, process.pid, 'PX', forMs)) === 'OK';

/** A turn that no worker has taken would end the expiry of demos for good. */
async function takeFree(redis: Keys, key: string, forMs: number): Promise<boolean> {
  if ((await redis.set(key, process.pid, 'PX', forMs, 'NX')) === 'OK') return true;
  const lastsMs = await redis.pttl(key);
  const isForged = lastsMs === -1 || lastsMs > forMs;
  return isForged && (await put(redis, key, forMs));
}

/** How soon after one another jobs that end can cause upkeep. */
const causedEveryMs = seconds(10);

/**
 * Upkeep that is due because a job has ended: at once, but of all workers of a host cluster only one in ten seconds, however
 * many jobs end. What is caused in between waits for the next round.
 */
export function createCausedUpkeep({
  redis,
  hostCluster,
  work,
}: {
  redis: Keys;
  hostCluster: string | undefined;
  work: () => Promise<void>;
}): { cause(): Promise<void>; close(): void } {
  const key = `${turnKey(hostCluster)}:caused`;
  let timer: NodeJS.Timeout | undefined;
  const isFirst = () => takeFree(redis, key, causedEveryMs);
  return {
    async cause() {
      if (timer) return;
      if (await isFirst()) return await work();
      const lastsMs = await redis.pttl(key);
      // Whoever has the next round begins it after this cause.
      const next = async () => {
        timer = undefined;
        if (await isFirst()) await work();
      };
      const afterMs = lastsMs > 0 ? Math.min(lastsMs, causedEveryMs) : causedEveryMs;
      timer ??= setTimeout(() => void next().catch(() => undefined), afterMs).unref();
    },
    close: () => clearTimeout(timer),
  };
}
