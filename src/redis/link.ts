import type { Redis, RedisOptions } from 'ioredis';
import { seconds } from '../duration.js';
import { asError, messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { NoAnswer, within } from '../within.js';
import { redisOptions, type RedisSettings } from './address.js';
import { isAnswer, isOutage, isStaleServer, reasonOf, refusalOf } from './answers.js';
import { openConnection } from './connection.js';
import { createOutageLog } from './outage-log.js';
import type { RedisRole } from './permissions.js';
import { proveUsable, proveWritable } from './proof.js';

/** A connection and what is known about its state. BullMQ derives its own connections from it. */
export interface RedisLink {
  redis: Redis;
  /** Handles the `error` events of everything that uses this connection or one like it; logs only a few lines. */
  note(error: unknown): void;
  /** Resolves when connected; waits through an outage. @throws UserError if Redis rejects the connection. */
  ready(): Promise<void>;
  /**
   * Proves that jobs can be enqueued.
   * @throws UserError `redis-unavailable`; if Redis rejects commands, `redis-refuses`, `redis-evicts`, `redis-mode`,
   * `redis-too-old`.
   */
  prove(withinMs: number): Promise<void>;
  /** Proves it at startup. Throws if Redis rejects commands; an outage is left to be waited for later. */
  proveAtStart(): Promise<void>;
  /** Notes that the outage is over. */
  over(): void;
  /** An error of Redis as a UserError; any other error unchanged. */
  explain(error: unknown): unknown;
}

interface LinkOptions extends RedisOptions {
  /** For a single command: no other calls to Redis are made. */
  isMomentary?: boolean;
}

const startTimeoutMs = seconds(5);
const proofTimeoutMs = seconds(2);

/**
 * Connects to the server, or to the one that the sentinels name, and reconnects for ever, even if the server has become a
 * replica. The caller ends it with `redis.disconnect()`.
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
    // After a refusal everything is checked again.
    if (refusalOf(error)) isProven = false;
    outages.note(error);
  };
  const over = () => {
    latest = undefined;
    outages.over();
  };
  const redis = openConnection({
    ...redisOptions(settings),
    connectTimeout: seconds(5),
    // Short, so that commands are accepted within a second of the end of an outage.
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 500),
    sentinelRetryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 500),
    reconnectOnError: (error) => {
      if (!isStaleServer(error)) return false;
      note(error);
      return options.enableOfflineQueue === false ? 1 : 2;
    },
    // It would hide the server's first answer, such as that it has too many clients.
    disableClientInfo: true,
    ...options,
  });
  redis.on('error', note);
  // Says for each sentinel why it cannot be used.
  redis.on('sentinelError', note);

  /** Shared by all callers: in an outage their commands would pile up. */
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
  /** Shared by all callers: an outage may last through many commands. */
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

/** Resolves when connected; rejects at the first error that counts. */
function connected(redis: Redis, counts: (error: unknown) => boolean): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      redis.off('ready', onReady).off('error', onError);
      act();
    };
    const onReady = () => settle(resolve);
    const onError = (error: unknown) => counts(error) && settle(() => reject(asError(error)));
    redis.on('ready', onReady).on('error', onError);
  });
}

/** Whether an error gives no reason; the connection's last error has it then. */
function isMute(error: unknown): boolean {
  return error instanceof NoAnswer || isOfSentinels(error) || reasonOf(error) === 'the connection was lost';
}

const isOfSentinels = (error: unknown) => /^All sentinels are unreachable/.test(messageOf(error));

function unavailable(cause: unknown): UserError {
  const reason = reasonOf(cause).replace(/\.$/, '');
  const what = isAnswer(cause) ? 'is not accepting jobs at the moment' : 'cannot be reached';
  return new UserError('redis-unavailable', `The job queue (Redis) ${what}: ${reason}.`, {
    hint: 'Try again in a minute. If the problem persists, ask the vcdemo operators to check Redis.',
    cause,
  });
}
