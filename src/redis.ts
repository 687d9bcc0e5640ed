import { Redis, type RedisOptions } from 'ioredis';
import type { RedisSettings } from './config.js';
import { messageOf, UserError } from './errors.js';
import type { Log } from './log.js';

/**
 * A connection to `redis://` or `rediss://`, with user and password if the URL has them. It reconnects for ever and
 * logs once per outage. The caller closes it.
 */
export function connectRedis({ REDIS_URL, REDIS_CA }: RedisSettings, log: Log, options: RedisOptions = {}): Redis {
  const redis = new Redis(REDIS_URL, {
    ...(REDIS_CA && { tls: { ca: REDIS_CA } }),
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 2_000),
    ...options,
  });
  let lost = false;
  redis.on('error', (error: unknown) => {
    if (!lost) log.warn({ reason: messageOf(error) }, 'Redis cannot be reached; trying again');
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) log.info('Redis answers again');
    lost = false;
  });
  return redis;
}

/**
 * Refuses a Redis that throws jobs away when its memory is full; BullMQ only warns.
 * @throws UserError `redis-evicts`; what ioredis throws if Redis cannot be asked.
 */
export async function assertNoEviction(redis: Pick<Redis, 'info'>): Promise<void> {
  // INFO, because managed Redis services refuse CONFIG GET.
  const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  throw new UserError('redis-evicts', `Redis may throw jobs away: its maxmemory-policy is ${policy}.`, {
    hint: 'Set maxmemory-policy to noeviction in the Redis that REDIS_URL names.',
  });
}
