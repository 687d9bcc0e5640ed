import type { Redis } from 'ioredis';
import * as z from 'zod';
import { messageOf, UserError } from '../errors.js';
import { probeKeys, scriptCommands, type RedisRole } from './permissions.js';

/** The oldest version that BullMQ's scripts support. */
const oldestVersion = [5, 0];

/** Runs commands and returns the names of those that the user may not run; any other error is returned as it is. */
const probeScript = `
local refused = {}
for _, command in ipairs(cjson.decode(ARGV[1])) do
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' and reply.err then
    if not (reply.err:find('executing the script', 1, true) or reply.err:find('NOPERM', 1, true)) then return reply end
    refused[#refused + 1] = command[1]
  end
end
return refused`;

/**
 * Proves with a cheap write that Redis keeps jobs and accepts writes.
 * @throws UserError `redis-evicts`; the error from Redis.
 */
export async function proveWritable(redis: Redis): Promise<void> {
  // INFO, because managed Redis services refuse CONFIG GET.
  const [info] = await Promise.all([redis.info('memory'), redis.set(probeKeys.string, '1', 'PX', 60_000)]);
  assertNoEviction(info);
}

/**
 * Proves that BullMQ works with this Redis, and that the user may do all that the role needs.
 * @throws UserError `redis-mode`, `redis-too-old`, `redis-evicts`, `redis-refuses`; any other error from Redis.
 */
export async function proveUsable(redis: Redis, role: Exclude<RedisRole, 'keda'>): Promise<void> {
  const info = await redis.info();
  assertMode(info);
  assertVersion(info);
  assertNoEviction(info);
  const commands = JSON.stringify(scriptCommands[role]);
  const refused = z.array(z.string()).parse(await redis.eval(probeScript, 1, probeKeys.string, commands));
  if (refused.length > 0) throw notPermitted(refused);
  await redis.evalsha('0'.repeat(40), 0).catch((error: unknown) => {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
  });
  if (role === 'worker') {
    // With an element in the set it does not block.
    await redis.eval("return redis.call('zadd', KEYS[1], 0, 'probe')", 1, probeKeys.zset);
    await redis.bzpopmin(probeKeys.zset, 1);
  }
}

const valueIn = (info: string, field: string) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1];

function assertNoEviction(info: string): void {
  const policy = valueIn(info, 'maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return;
  throw new UserError('redis-evicts', `Redis may discard jobs: its maxmemory-policy is ${policy}.`, {
    hint: 'Set maxmemory-policy to noeviction on the Redis server in REDIS_URL.',
  });
}

function assertMode(info: string): void {
  const mode = valueIn(info, 'redis_mode');
  if (mode === 'cluster')
    throw new UserError('redis-mode', 'Redis is in cluster mode, which is not supported.', {
      hint: 'Use a Redis that is not in cluster mode: one server, or one behind Sentinel.',
    });
  if (mode === 'sentinel')
    throw new UserError('redis-mode', 'REDIS_URL points to a sentinel, which cannot hold jobs.', {
      hint: 'Use redis+sentinel://host:26379,host:26379/name, where name is the group of servers.',
    });
}

function assertVersion(info: string): void {
  const version = valueIn(info, 'redis_version');
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestVersion;
  if (version === undefined || major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new UserError('redis-too-old', `Redis ${version} is too old.`, {
    hint: `Use Redis ${oldestVersion.join('.')} or later, or Valkey.`,
  });
}

function notPermitted(commands: string[]): UserError {
  return new UserError(
    'redis-refuses',
    `The user of the job queue (Redis) may not run ${commands.join(', ').toUpperCase()}.`,
    { hint: 'Give it the permissions listed in docs/operations.md, "Permissions in Redis".' },
  );
}
