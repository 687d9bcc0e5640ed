import { Redis, type RedisOptions } from 'ioredis';
import { asError } from '../errors.js';

/**
 * A connection that reports that Redis is in protected mode, and so do those derived from it. ioredis takes this answer to
 * its first command for the hint that no password is needed: it prints that hint at every attempt, and what is left to see
 * is a lost connection.
 */
export function openConnection(options: RedisOptions): Redis {
  const redis = new Redis(options);
  const { sendCommand, duplicate } = redis;
  return Object.assign(redis, {
    sendCommand: ((command, stream) => {
      if (command.name === 'hello')
        void command.promise.catch((error: unknown) => noteProtection(redis, asError(error)));
      return sendCommand.call(redis, command, stream);
    }) satisfies typeof sendCommand,
    duplicate: ((override) => openConnection({ ...redis.options, ...override })) as typeof duplicate,
  });
}

function noteProtection(redis: Redis, error: Error): void {
  if (!error.message.startsWith('DENIED ')) return;
  error.message = 'DENIED Redis is in protected mode: without a password it serves only its own machine.';
  // ioredis itself tells nobody if the connection ends before all of its first commands were answered.
  if (redis.listenerCount('error') > 0) redis.emit('error', error);
}
