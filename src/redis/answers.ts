import { ReplyError } from 'ioredis';
import { messageOf, UserError } from '../errors.js';

/*
 * What the errors of Redis mean. Some pass by themselves, as during a failover; the others are not outages, and somebody
 * has to fix their cause.
 */

/** Only a new connection leads to a server that accepts writes: the new primary, or this one later. */
const stale = 'LOADING|MASTERDOWN|READONLY|UNBLOCKED|NOREPLICAS';
/** Scripts in Redis 6 put words in front of it. */
const staleServer = new RegExp(`(^|-)(${stale}) `);
/** Errors of a server that is starting, failing over or busy. */
const passing = new RegExp(`(^|-)(${stale}|BUSY|TRYAGAIN) `);

/** What to do about an error, or about a certificate that is not accepted; the first match counts. */
const remedies: readonly [pattern: RegExp, remedy: string][] = [
  [
    /sentinel .*(NOAUTH|WRONGPASS|NOPERM)/,
    'Set REDIS_SENTINEL_PASSWORD, and REDIS_SENTINEL_USERNAME if the sentinels have users.',
  ],
  [
    /sentinel .*(No such master|invalid reply)/,
    'No sentinel knows the group of servers named at the end of REDIS_URL: correct the name.',
  ],
  [
    /sentinel .*unknown command/i,
    'REDIS_URL names a server as a sentinel: use redis://host:port, or the addresses of the sentinels.',
  ],
  [
    /NOAUTH|WRONGPASS|invalid password|AUTH <password>|Client sent AUTH/,
    'Correct the user name and password in REDIS_URL.',
  ],
  [
    /NOPERM|user executing the script|no permissions/,
    'Give the user the permissions listed in docs/operations.md, "Permissions in Redis".',
  ],
  [/OOM/, 'Its memory is full: raise maxmemory, or remove other data from it.'],
  [/MISCONF/, 'It cannot write to its disk: its log has the reason; often the disk is full.'],
  [/max number of clients/, 'Raise its maxclients, or close connections that nobody needs.'],
  [
    /MOVED|CROSSSLOT|CLUSTERDOWN|^ASK |cluster/i,
    'Use a Redis that is not in cluster mode: one server, or one behind Sentinel.',
  ],
  [
    /DB index/,
    'Correct the database at the end of REDIS_URL: this Redis has fewer (`databases` in its configuration).',
  ],
  [/DENIED|protected mode/, 'Set a password in Redis and in REDIS_URL.'],
  [/unknown (redis )?command/i, 'Use Redis 5 or later, or Valkey, without renamed commands.'],
  [
    /WRONGTYPE/,
    'Something else has written to the keys of its queues, which begin with `bull:`: give vcdemo a Redis of its own, and delete the key that has the wrong type (`redis-cli --scan --pattern "bull:*"`, then `TYPE`).',
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    'Renew the certificate of Redis; if it is valid, correct the clock of the machine that vcdemo runs on.',
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    'Use a name in REDIS_URL that is in the certificate of Redis, or give Redis a certificate with this name.',
  ],
  [/certificate/, 'Set REDIS_CA to the PEM certificate of the CA that signed the certificate of Redis.'],
];

/** Error codes of node:tls for a certificate that is not accepted. */
const certificateCodes = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

/** What OpenSSL says about certificates of sentinels, whose errors have lost their codes. */
const certificateTexts: readonly [text: RegExp, code: string][] = [
  [/certificate has expired/, 'CERT_HAS_EXPIRED'],
  [/certificate is not yet valid/, 'CERT_NOT_YET_VALID'],
  [/does not match certificate's altnames/, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/self-signed certificate|unable to (verify the first|get (local )?issuer) certificate/, 'UNABLE_TO_GET_ISSUER_CERT'],
];

/** Why there is no connection although something answers; in lower case, with spaces. */
const strangers: readonly [reason: RegExp, says: string, remedy: string][] = [
  [
    /alert certificate required/,
    'it requires a client certificate',
    'vcdemo has no client certificate: set `tls-auth-clients no` in Redis; users and passwords still protect it.',
  ],
  [
    /alert handshake failure|alert protocol version|no shared cipher|unsupported protocol/,
    'it accepts no TLS version or cipher that vcdemo supports, or it requires a client certificate',
    'Allow TLS 1.2 or 1.3 with current ciphers in Redis (`tls-protocols`, `tls-ciphers`, `tls-ciphersuites`), and set `tls-auth-clients no`.',
  ],
  [
    /wrong version number|packet length too long/,
    'it does not speak TLS',
    'Use redis:// in REDIS_URL (and no REDIS_CA), or the port on which Redis uses TLS.',
  ],
  [
    /unknown resp type/,
    'something other than Redis answers',
    'Correct the host and port in REDIS_URL; if Redis uses TLS there, the URL must begin with rediss://.',
  ],
];

/** Whether the error comes from Redis itself. */
export const isAnswer = (error: unknown): boolean => error instanceof ReplyError;

/** Whether it passes by itself: no answer, or a server that is starting, failing over or busy. */
export function isOutage(error: unknown): boolean {
  return refusalOf(error) === undefined && isOfRedis(error);
}

/** Whether a new connection is needed: the server on this one does not accept writes, or not yet. */
export function isStaleServer(error: Error): boolean {
  return staleServer.test(error.message);
}

/**
 * An error of Redis that somebody has to act on, in words for people: `redis-refuses`. Undefined for everything else.
 */
export function refusalOf(error: unknown): UserError | undefined {
  if (error instanceof UserError)
    return error.code.startsWith('redis-') && error.code !== 'redis-unavailable' ? error : undefined;
  const reason = messageOf(error);
  const isOfSentinel = /sentinel .*(NOAUTH|WRONGPASS|NOPERM|No such master|invalid reply|unknown command)/.test(reason);
  if ((isAnswer(error) || isOfSentinel) && !passing.test(reason))
    return new UserError('redis-refuses', `The job queue (Redis) rejects commands: ${reason}`, {
      hint: remedyOf(reason),
      cause: error,
    });
  const code = certificateCodeOf(error);
  if (code !== undefined)
    return new UserError('redis-refuses', `The certificate of the job queue (Redis) is not accepted: ${reason}`, {
      hint: remedyOf(`certificate ${code}`),
      cause: error,
    });
  const [, says, remedy] = strangerIn(error) ?? [];
  if (says !== undefined && remedy !== undefined)
    return new UserError('redis-refuses', `The job queue (Redis) cannot be used: ${says}.`, {
      hint: remedy,
      cause: error,
    });
  return undefined;
}

function certificateCodeOf(error: unknown): string | undefined {
  const code = codeOf(error);
  if (certificateCodes.test(code)) return code;
  const message = messageOf(error);
  return / sentinel .* because /.test(message) ? certificateTexts.find(([text]) => text.test(message))?.[1] : undefined;
}

/** Depending on when the error occurs, Node puts OpenSSL's reason into the code, or only into the message. */
function strangerIn(error: unknown) {
  if (isAnswer(error)) return undefined;
  const reason = `${codeOf(error)} ${messageOf(error)}`.toLowerCase().replaceAll('_', ' ');
  return strangers.find(([pattern]) => pattern.test(reason));
}

function remedyOf(reason: string): string {
  return remedies.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Check the Redis server in REDIS_URL.';
}

/** Thrown by ioredis or a socket, or answered by Redis; not a mistake in a call of BullMQ. */
function isOfRedis(error: unknown): boolean {
  return (
    isAnswer(error) ||
    codeOf(error) !== '' ||
    /Connection is closed|Stream isn't writeable|Socket timeout|max retries per request|connection close|sentinel/i.test(
      messageOf(error),
    )
  );
}

/** Of Node's errors; BullMQ's have numbers, which say that a job is not as its caller believed, such as that its lock is lost. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Why Redis could not be asked, in a few words. */
export function reasonOf(error: unknown): string {
  const reason = messageOf(error);
  if (/Socket timeout/.test(reason)) return 'it does not answer';
  return /Connection is closed|Stream isn't writeable|max retries per request|connection close/.test(reason)
    ? 'the connection was lost'
    : (strangerIn(error)?.[1] ?? reason);
}

/** For operators: the reason, and what to do about it. */
export function inFull(error: unknown): string {
  const hint = refusalOf(error)?.hint;
  return [messageOf(error), ...(hint ? [hint] : [])].join('\n');
}
