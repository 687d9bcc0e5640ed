import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration, minutes, seconds } from '../duration.js';
import { messageOf } from '../errors.js';
import type { SlackCallObserver } from '../metrics.js';

/*
 * How calls of Slack's Web API are repeated. WebClient repeats every call that failed in whatever way, so a message whose
 * answer was lost appears several times. Here it depends on what the call does and on how it failed.
 */

/** Calls that people see twice when Slack carries them out twice. */
const visibleMethods = new Set(['chat.postMessage', 'chat.postEphemeral', 'files.completeUploadExternal']);

/** How an attempt failed: Slack asked to wait, it never got there, or it may have been carried out. */
export type Failure = 'limited' | 'unsent' | 'unanswered';

const mostAttempts = 4;
/** From the first attempt to the start of the last one. */
const deadlineMs = minutes(2);
/** Slack's answers to what vcdemo asks are a few kilobytes. */
const mostBytes = 2_000_000;

export interface SlackFetchOptions {
  /** What is below is a method of the Web API, anything else the address of an upload. */
  apiUrl: string;
  observe: SlackCallObserver;
  /** Of one attempt, its answer included. */
  timeoutMs?: number;
  /** How often a call is made at most, for those who cannot wait. */
  attempts?: number;
  /** For tests, which need not wait. */
  pause?: (ms: number) => Promise<unknown>;
}

/** How often a call that failed so may be made in all. Of a post nobody knows whether it is there: once again at most. */
export function attemptsOf(method: string, failure: Failure): number {
  return failure === 'unanswered' && visibleMethods.has(method) ? 2 : mostAttempts;
}

/** A `fetch` for WebClient, whose own retries must be off. It throws, or returns the last answer, when it gives up. */
export function createSlackFetch({
  apiUrl,
  observe,
  timeoutMs = seconds(15),
  attempts = mostAttempts,
  pause = sleep,
}: SlackFetchOptions): typeof fetch {
  /** Until when Slack wants a method to be left alone. */
  const notBefore = new Map<string, number>();

  return async (input, init) => {
    const url = String(input);
    const method = url.startsWith(apiUrl) ? url.slice(apiUrl.length) : 'upload';
    const giveUpAt = Date.now() + deadlineMs;
    for (let attempt = 1; ; attempt++) {
      const heldMs = Math.min(notBefore.get(method) ?? 0, giveUpAt) - Date.now();
      if (heldMs > 0) await pause(heldMs);
      const outcome = await attemptOnce(url, init, timeoutMs);
      if (outcome.failure === undefined) return outcome.response;
      const waitMs = outcome.retryAfterMs ?? 500 * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
      if (outcome.failure === 'limited') {
        observe(method, 'rate_limited');
        notBefore.set(method, Date.now() + waitMs);
      }
      if (attempt >= Math.min(attempts, attemptsOf(method, outcome.failure)) || Date.now() + waitMs > giveUpAt) {
        if (outcome.response) return outcome.response;
        throw outcome.error;
      }
      if (outcome.failure !== 'limited') await pause(waitMs);
    }
  };
}

type Outcome =
  | { failure?: undefined; response: Response }
  | { failure: Failure; retryAfterMs?: number; response?: Response; error?: unknown };

async function attemptOnce(url: string, init: RequestInit | undefined, timeoutMs: number): Promise<Outcome> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, { ...init, signal: timeout });
    const body = await readBody(answer);
    const response = new Response(body, { status: answer.status, headers: answer.headers });
    return failureOf(response, body);
  } catch (error) {
    if (timeout.aborted) {
      const text = `Slack does not answer within ${formatDuration(timeoutMs)}`;
      return { failure: 'unanswered', error: new Error(text, { cause: error }) };
    }
    return { failure: neverSent(error) ? 'unsent' : 'unanswered', error: withCause(error) };
  }
}

/** The whole of it, so that an answer that breaks off is a failure of this attempt. */
async function readBody(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.byteLength;
    if (size > mostBytes) throw new Error(`Slack's answer is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function failureOf(response: Response, body: string): Outcome {
  if (response.status === 429) {
    const retryAfter = Number(response.headers.get('retry-after') ?? 1);
    return { failure: 'limited', retryAfterMs: seconds(Number.isFinite(retryAfter) ? retryAfter : 1), response };
  }
  if (response.status >= 500) return { failure: 'unanswered', response };
  const error = /^\{"ok":false,"error":"(\w+)"/.exec(body.slice(0, 200).replaceAll(/\s/g, ''))?.[1] ?? '';
  if (limitedErrors.has(error)) return { failure: 'limited', retryAfterMs: seconds(1), response };
  if (unansweredErrors.has(error)) return { failure: 'unanswered', response };
  return { response };
}

/** Of Slack itself, with HTTP 200. @see https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const limitedErrors = new Set(['ratelimited', 'rate_limited']);
const unansweredErrors = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout']);

/** Errors of a connection that was never made. */
const connectErrors = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function neverSent(error: unknown): boolean {
  const code = codeOf(error);
  return connectErrors.has(code) || code === 'UND_ERR_CONNECT_TIMEOUT' || /CERT|SELF_SIGNED|TLS/.test(code);
}

/** fetch says "fetch failed" of everything; its cause knows why. */
function withCause(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? error : new Error(messageOf(cause) || codeOf(error), { cause: error });
}

function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
