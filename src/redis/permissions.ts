/*
 * What bot, workers and KEDA do in Redis: BullMQ's scripts and a few commands beside them. Written down as ACL rules in
 * docs/operations.md, and tried out at the start of a process.
 */

export const redisRoles = ['bot', 'worker', 'keda'] as const;
export type RedisRole = (typeof redisRoles)[number];

/** Keys for trying out what is permitted, one of each type; BullMQ's have the prefix `bull:` as well. */
export const probeKeys = {
  string: 'bull:probe:string',
  hash: 'bull:probe:hash',
  list: 'bull:probe:list',
  set: 'bull:probe:set',
  zset: 'bull:probe:zset',
  stream: 'bull:probe:stream',
} as const;

const { string, hash, list, set, zset, stream } = probeKeys;

/** Commands of the scripts that put jobs on a queue and count them, each in a form that works on the keys above. */
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

/** Those of the scripts that take jobs, keep them and bring them to their end. */
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

/** What the scripts of a role do; it leaves nothing behind. */
export const scriptCommands = {
  bot: [...botCommands, ...clearing],
  worker: [...workerCommands, ...clearing],
} as const;

/** What is not done by scripts. KEDA's script asks for the length of a list by its type. */
const plainCommands: Record<RedisRole, string[]> = {
  bot: ['info', 'eval', 'evalsha'],
  worker: ['info', 'eval', 'evalsha', 'bzpopmin', 'client|setname'],
  keda: ['ping', 'eval', 'type', 'llen', 'zcard', 'scard', 'hlen'],
};

/** The rules of an ACL user that may do no more than its role needs. */
export function aclRules(role: RedisRole): string[] {
  const keys = role === 'keda' ? ['~bull:*:wait', '~bull:*:active'] : ['~bull:*'];
  const names = role === 'keda' ? [] : scriptCommands[role].map(([name]) => name!);
  const commands = [...new Set([...plainCommands[role], ...names])].sort();
  return ['resetkeys', 'resetchannels', '-@all', ...keys, ...commands.map((name) => `+${name}`)];
}
