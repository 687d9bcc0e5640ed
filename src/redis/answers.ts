import { ReplyError } from 'ioredis';
import { messageOf, UserError } from '../errors.js';

/*
 * What Redis says when it does not do what it is asked. Some of it passes by itself, as during a failover; the rest has
 * to be mended by somebody, and is no outage.
 */

/** Only another connection leads to a server that takes writes: the new primary, or this one later. */
const stale = 'LOADING|MASTERDOWN|READONLY|UNBLOCKED|NOREPLICAS';
/** Scripts of Redis 6 put words before it. */
const staleServer = new RegExp(`(^|-)(${stale}) `);
/** Said by a server that starts, fails over or is busy. */
const passing = new RegExp(`(^|-)(${stale}|BUSY|TRYAGAIN) `);

/** What to do about an answer, or about a server whose certificate is not accepted; the first that matches counts. */
const remedies: readonly [pattern: RegExp, remedy: string][] = [
  [
    /sentinel .*(NOAUTH|WRONGPASS|NOPERM)/,
    'Set REDIS_SENTINEL_PASSWORD, and REDIS_SENTINEL_USERNAME if the sentinels have users.',
  ],
  [
    /sentinel .*(No such master|invalid reply)/,
    'No sentinel knows the group of servers that REDIS_URL names after the last slash: correct the name.',
  ],
  [
    /NOAUTH|WRONGPASS|invalid password|AUTH <password>|Client sent AUTH/,
    'Correct the user and the password in REDIS_URL.',
  ],
  [
    /NOPERM|user executing the script|no permissions/,
    'Give the user the permissions in docs/operations.md, "Permissions in Redis".',
  ],
  [/OOM/, 'Its memory is full: raise maxmemory, or remove what else is kept there.'],
  [/MISCONF/, 'It cannot save to its disk: make room there; its log has the reason.'],
  [
    /MOVED|CROSSSLOT|CLUSTERDOWN|cluster/i,
    'Use a Redis that is not in cluster mode: one server, or one behind Sentinel.',
  ],
  [/max number of clients/, 'Raise its maxclients, or end connections that nobody needs.'],
  [/DENIED|protected mode/, 'Set a password in Redis and in REDIS_URL.'],
  [/unknown command/i, 'Use Redis 5 or later, or Valkey, with none of its commands renamed.'],
  [/certificate|altname/i, 'Let REDIS_CA be the PEM of the authority that signed the certificate of Redis.'],
];

/** Codes of node:tls for a certificate that is not accepted. */
const certificateCodes = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

/** Whether Redis itself says it. */
export const isAnswer = (error: unknown): boolean => error instanceof ReplyError;

/** Whether it passes by itself: no answer, or one of a server that starts, fails over or is busy. */
export function isOutage(error: unknown): boolean {
  return refusalOf(error) === undefined && isOfRedis(error);
}

/** Whether another connection has to be made: the server on this one takes no writes, or not yet. */
export function isStaleServer(error: Error): boolean {
  return staleServer.test(error.message);
}

/**
 * An answer of Redis that somebody has to do something about, in words for people: `redis-refuses`. Undefined for
 * everything else.
 */
export function refusalOf(error: unknown): UserError | undefined {
  if (error instanceof UserError)
    return error.code.startsWith('redis-') && error.code !== 'redis-unavailable' ? error : undefined;
  const reason = messageOf(error);
  const isOfSentinel = /sentinel .*(NOAUTH|WRONGPASS|NOPERM|No such master|invalid reply)/.test(reason);
  if ((isAnswer(error) || isOfSentinel) && !passing.test(reason))
    return new UserError('redis-refuses', `The job queue (Redis) refuses: ${reason}`, {
      hint: remedyOf(reason),
      cause: error,
    });
  if (certificateCodes.test(codeOf(error)))
    return new UserError('redis-refuses', `The certificate of the job queue (Redis) is not accepted: ${reason}`, {
      hint: remedyOf('certificate'),
      cause: error,
    });
  return undefined;
}

function remedyOf(reason: string): string {
  return remedies.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Look at the Redis that REDIS_URL names.';
}

/** Thrown by ioredis, by a socket, or answered by Redis; not a mistake in how BullMQ was called. */
function isOfRedis(error: unknown): boolean {
  return (
    isAnswer(error) ||
    codeOf(error) !== '' ||
    /Connection is closed|Stream isn't writeable|Socket timeout|max retries per request|connection close|sentinel/i.test(
      messageOf(error),
    )
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Why Redis could not be asked, in few words. */
export function reasonOf(error: unknown): string {
  const reason = messageOf(error);
  if (/Socket timeout/.test(reason)) return 'it does not answer';
  return /Connection is closed|Stream isn't writeable|max retries per request|connection close/.test(reason)
    ? 'the connection was lost'
    : reason;
}

/** For whoever runs vcdemo: why, and what to do about it. */
export function inFull(error: unknown): string {
  const hint = refusalOf(error)?.hint;
  return [messageOf(error), ...(hint ? [hint] : [])].join('\n');
}
