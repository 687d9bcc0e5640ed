import { Redis, type RedisOptions } from 'ioredis';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { NoAnswer, within } from '../within.js';
import { redisOptions, type RedisSettings } from './address.js';
import { isAnswer, isOutage, isStaleServer, reasonOf, refusalOf } from './answers.js';
import { createOutageLog } from './outage-log.js';
import type { RedisRole } from './permissions.js';
import { proveUsable, proveWritable } from './proof.js';

/** A connection with what is known of its state. BullMQ makes its own of the same kind from it. */
export interface RedisLink {
  redis: Redis;
  /** For the `error` events of whatever uses the connection or one like it: a few lines in the log. */
  note(error: unknown): void;
  /** Resolves when there is a connection; waits through an outage. @throws UserError when Redis refuses it. */
  ready(): Promise<void>;
  /**
   * Proves that jobs can be put there.
   * @throws UserError `redis-unavailable`, or with what Redis refuses: `redis-refuses`, `redis-evicts`, `redis-mode`,
   * `redis-too-old`.
   */
  prove(withinMs: number): Promise<void>;
  /** Proves it at the start of a process: an outage is waited for later, what Redis refuses is thrown. */
  proveAtStart(): Promise<void>;
  /** Says that all is well. */
  over(): void;
  /** An error of Redis as a UserError; others as they are. */
  explain(error: unknown): unknown;
}

export interface LinkOptions extends RedisOptions {
  /** For a single command: nothing is asked of Redis beside it. */
  isMomentary?: boolean;
}

const startTimeoutMs = seconds(5);
const proofTimeoutMs = seconds(2);

/**
 * Connects to the server, or to the one that sentinels name, and reconnects for ever, also when the server has become
 * a replica. The caller ends it with `redis.disconnect()`.
 */
export function openRedis(
  settings: RedisSettings,
  log: Log,
  role: Exclude<RedisRole, 'keda'>,
  { isMomentary = false, ...options }: LinkOptions,
): RedisLink {
  const outages = createOutageLog(log);
  let latest: unknown;
  let isProven = false;
  const note = (error: unknown) => {
    if (latest !== undefined && isMute(error)) return;
    latest = error;
    // After a refusal everything is tried out again.
    if (refusalOf(error)) isProven = false;
    outages.note(error);
  };
  const over = () => {
    latest = undefined;
    outages.over();
  };
  const redis = new Redis({
    ...redisOptions(settings),
    connectTimeout: seconds(5),
    // Short, since a command is to be taken within a second of the end of an outage.
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 500),
    sentinelRetryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 500),
    reconnectOnError: (error) => {
      if (!isStaleServer(error)) return false;
      note(error);
      return options.enableOfflineQueue === false ? 1 : 2;
    },
    // It would hide what the server answers first, such as that it has too many clients.
    disableClientInfo: true,
    ...options,
  });
  redis.on('error', note);
  // Of each sentinel why it is of no use.
  redis.on('sentinelError', note);

  /** One for all who ask: in an outage their commands would pile up. */
  let proof: Promise<void> | undefined;
  const prove = async () => {
    proof ??= (isProven ? proveWritable(redis) : proveUsable(redis, role))
      .then(() => {
        isProven = true;
        over();
      })
      .finally(() => (proof = undefined));
    await proof;
  };
  const explain = (error: unknown) => {
    const cause = isMute(error) ? (latest ?? error) : error;
    const refusal = refusalOf(cause);
    if (refusal) note(cause);
    if (refusal) return refusal;
    return isMute(cause) || isOutage(cause) ? unavailable(cause) : cause;
  };
  const explained = async (work: Promise<void>) => {
    await work.catch((error: unknown) => {
      throw explain(error);
    });
  };
  /** One for all who wait; an outage may last through many commands. */
  let next: Promise<void> | undefined;
  const ready = async () => {
    if (redis.status === 'ready') return;
    next ??= connected(redis, (error) => refusalOf(error) !== undefined).finally(() => (next = undefined));
    await next;
  };
  const link: RedisLink = {
    redis,
    note,
    over,
    explain,
    ready,
    prove: (withinMs) =>
      explained(
        within(withinMs, async () => {
          await ready();
          await prove();
        }),
      ),
    async proveAtStart() {
      const proven = within(startTimeoutMs, async () => {
        await connected(redis, () => true);
        await prove();
      });
      await explained(proven).catch((error: unknown) => {
        if (!(error instanceof UserError) || error.code !== 'redis-unavailable') throw error;
        note(error.cause);
      });
    },
  };
  if (!isMomentary) redis.on('ready', () => void link.prove(proofTimeoutMs).catch(() => undefined));
  return link;
}

/** Resolves when there is a connection, rejects at the first error that counts. */
function connected(redis: Redis, counts: (error: unknown) => boolean): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      redis.off('ready', onReady).off('error', onError);
      act();
    };
    const onReady = () => settle(resolve);
    const onError = (error: unknown) => counts(error) && settle(() => reject(error as Error));
    redis.on('ready', onReady).on('error', onError);
  });
}

/** Says nothing of why; the last error of the connection does. */
function isMute(error: unknown): boolean {
  return error instanceof NoAnswer || isOfSentinels(error) || reasonOf(error) === 'the connection was lost';
}

const isOfSentinels = (error: unknown) => /^All sentinels are unreachable/.test(messageOf(error));

function unavailable(cause: unknown): UserError {
  const reason = reasonOf(cause).replace(/\.$/, '');
  const what = isAnswer(cause) ? 'takes no jobs just now' : 'cannot be reached';
  return new UserError('redis-unavailable', `The job queue (Redis) ${what}: ${reason}.`, {
    hint: 'Try again in a minute; if it stays so, ask whoever runs vcdemo to look at Redis.',
    cause,
  });
}
