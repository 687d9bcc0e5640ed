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
  redis: Pick<Redis, 'set' | 'pttl'>,
  hostCluster: string | undefined,
  isUrgent: boolean,
): Promise<boolean> {
  const key = turnKey(hostCluster);
  const isFree = async () => (await redis.set(key, process.pid, 'PX', upkeepTurnMs, 'NX')) === 'OK';
  if (!isUrgent && (await isFree())) return true;
  if (!isUrgent && !isForged(await redis.pttl(key))) return false;
  return (await redis.set(key, process.pid, 'PX', upkeepTurnMs)) === 'OK';
}

/** A turn that no worker has taken would end the expiry of demos for good. */
const isForged = (lastsMs: number): boolean => lastsMs === -1 || lastsMs > upkeepTurnMs;
