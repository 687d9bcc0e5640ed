import { seconds } from '../../duration.js';
import { errorFacts } from '../../errors.js';
import { ApiError, isUnserved, UnreachableError } from './api-errors.js';

/*
 * Which failed requests are retried, and when: an API server that restarts, changes its leader or is overloaded answers a
 * moment later.
 */

const first = 250;
const longest = seconds(4);

/** Milliseconds until the next attempt, or undefined if another one cannot help; `tries` is the number so far. */
export function repeatAfter(error: unknown, tries: number, random = Math.random): number | undefined {
  if (!isWorthRepeating(error)) return undefined;
  const backoff = Math.min(longest, first * 2 ** (tries - 1));
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(asked, backoff * (0.5 + random() / 2));
}

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof ApiError)
    return isUnserved(error) || (error.status >= 500 && error.status !== 501) || isQuotaRace(error);
  return error instanceof UnreachableError && !error.isAboutCertificates;
}

/**
 * The quota of a namespace is written for each new object. If several are created at once, the API server may give up and
 * refuse some of them.
 */
const isQuotaRace = ({ status, message }: ApiError): boolean =>
  status === 409 && message.includes('Operation cannot be fulfilled on resourcequotas');

/** Errors of connections that were never established, so nothing was sent. */
const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPERM',
  'ERR_PROXY_CONNECT',
]);

/** Whether the server may have carried out the request although it did not say so. */
export function mayHaveHappened(error: unknown): boolean {
  if (error instanceof ApiError) return error.status !== 429 && error.status !== 403 && !isQuotaRace(error);
  const { code, message } = errorFacts(error instanceof Error ? error.cause : undefined);
  return !beforeSending.has(code) && !message.includes('before secure TLS connection was established');
}
