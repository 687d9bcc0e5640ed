/*
 * What the bot, the workers and KEDA do in Redis: BullMQ's scripts and a few other commands. docs/operations.md lists them
 * as ACL rules, and every process tries them out when it starts.
 */

export const redisRoles = ['bot', 'worker', 'keda'] as const;
export type RedisRole = (typeof redisRoles)[number];

/** Keys for checking the permissions, one of each type; they have BullMQ's prefix `bull:`. */
export const probeKeys = {
  string: 'bull:probe:string',
  hash: 'bull:probe:hash',
  list: 'bull:probe:list',
  set: 'bull:probe:set',
  zset: 'bull:probe:zset',
  stream: 'bull:probe:stream',
} as const;

const { string, hash, list, set, zset, stream } = probeKeys;

/** Commands in the scripts that enqueue and count jobs, each in a form that works on the keys above. */
const botCommands: string[][] = [
  ['set', string, '1', 'px', '60000'],
  ['get', string],
  ['incr', string],
  ['exists', string],
  ['pttl', string],
  ['persist', string],
  ['hset', hash, 'field', '1'],
  ['hmset', hash, 'field', '1'],
  ['hget', hash, 'field'],
  ['hmget', hash, 'field'],
  ['hgetall', hash],
  ['lpush', list, '1'],
  ['rpush', list, '2'],
  ['llen', list],
  ['lindex', list, '0'],
  ['lrange', list, '0', '0'],
  ['rpop', list],
  ['sadd', set, '1'],
  ['scard', set],
  ['zadd', zset, '0', '1'],
  ['zcard', zset],
  ['zcount', zset, '0', '0'],
  ['zscore', zset, '1'],
  ['zrange', zset, '0', '0'],
  ['zrevrange', zset, '0', '0'],
  ['zrevrangebyscore', zset, '0', '0'],
  ['zrem', zset, '2'],
  ['xadd', stream, '*', 'field', '1'],
];

/** Commands in the scripts that fetch, hold and finish jobs. */
const workerCommands: string[][] = [
  ...botCommands,
  ['pexpire', string, '60000'],
  ['hexists', hash, 'field'],
  ['hincrby', hash, 'field', '1'],
  ['hdel', hash, 'other'],
  ['lrem', list, '0', '3'],
  ['ltrim', list, '0', '9'],
  ['rpoplpush', list, list],
  ['smembers', set],
  ['srem', set, '2'],
  ['zrangebyscore', zset, '0', '0'],
  ['zremrangebyscore', zset, '5', '6'],
  ['zremrangebyrank', zset, '5', '6'],
  ['zpopmin', zset],
  ['xtrim', stream, 'maxlen', '9'],
];

const clearing: string[][] = [['del', ...Object.values(probeKeys)]];

/** What the scripts of a role do; this leaves nothing behind. */
export const scriptCommands = {
  bot: [...botCommands, ...clearing],
  worker: [...workerCommands, ...clearing],
} as const;

/** Commands outside of scripts. KEDA's own script asks for the type of a list to find its length. */
const plainCommands: Record<RedisRole, string[]> = {
  bot: ['info', 'eval', 'evalsha'],
  worker: ['info', 'eval', 'evalsha', 'bzpopmin', 'client|setname'],
  keda: ['ping', 'eval', 'type', 'llen', 'zcard', 'scard', 'hlen'],
};

/** The rules for an ACL user that may do only what its role needs. */
export function aclRules(role: RedisRole): string[] {
  const keys = role === 'keda' ? ['~bull:*:wait', '~bull:*:active'] : ['~bull:*'];
  const names = role === 'keda' ? [] : scriptCommands[role].map(([name = '']) => name);
  const commands = [...new Set([...plainCommands[role], ...names])].sort();
  return ['resetkeys', 'resetchannels', '-@all', ...keys, ...commands.map((name) => `+${name}`)];
}
