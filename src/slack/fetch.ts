import { setTimeout as sleep } from 'node:timers/promises';
import { costOf } from '../bytes.js';
import { formatDuration, minutes, seconds } from '../duration.js';
import { messageOf } from '../errors.js';
import type { SlackCallObserver } from '../metrics.js';
import { retryAfterMs } from '../retry-after.js';
import { NoAnswer, within } from '../within.js';
import { createPaces, type Paces } from './paces.js';
import { isTokenError, type TokenWatch } from './token-watch.js';

/*
 * How calls to Slack's Web API are retried. WebClient retries every failed call, so a message whose answer was lost appears
 * several times. Here it depends on what the call does and how it failed.
 */

/** Calls that people notice if Slack carries them out twice. */
const visibleMethods = new Set([
  ...['chat.postMessage', 'chat.postEphemeral', 'files.completeUploadExternal'],
  // Not a method of the Web API: an answer to a command or click.
  'response_url',
]);

/** How an attempt failed: rate-limited, never sent or not carried out, refused because of the token, or possibly carried out. */
export type Failure = 'limited' | 'unsent' | 'rejected' | 'unanswered';

/** Slack's answers to vcdemo have a few kilobytes. */
const mostBytes = 2_000_000;

export interface SlackFetchOptions {
  /** URLs below it are methods of the Web API; any other URL is an upload. */
  apiUrl: string;
  observe: SlackCallObserver;
  /** For one attempt, including its answer. */
  timeoutMs?: number;
  /** The most attempts, for callers that cannot wait. */
  attempts?: number;
  /** From the first attempt to the start of the last. */
  patienceMs?: number;
  /** How long to wait before each repetition of a call that people would see twice; there are no more than these. */
  visiblePausesMs?: readonly number[];
  /** Which methods Slack limits; shared by all callers with the same token. */
  paces?: Paces;
  /** Told what Slack says about the token; shared like `paces`. */
  tokenWatch?: TokenWatch;
  /** Whether a call is repeated until somebody has replaced a token that Slack rejects. */
  outlastsRejection?: boolean;
  /** Aborted when a Slack that does not answer is no longer waited for. */
  signal?: AbortSignal;
  /** Replaced in tests, which need not wait. */
  pause?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
}

/** Whether the call may have been carried out, and people would notice if it were carried out again. */
const isVisible = (method: string, failure: Failure): boolean => failure === 'unanswered' && visibleMethods.has(method);

/** A `fetch` for WebClient, whose own retries must be off. */
export function createSlackFetch(options: SlackFetchOptions): typeof fetch {
  const { apiUrl } = options;
  const call = createSlackCaller(options);
  return (input, init) => {
    const url = String(input);
    return call(url.startsWith(apiUrl) ? url.slice(apiUrl.length) : 'upload', url, init);
  };
}

/** Sends a request to Slack; `method` decides whether it may be repeated. */
type SlackCaller = (method: string, url: string, init?: RequestInit) => Promise<Response>;

/**
 * Retries a request for `patienceMs`; one that people would see twice only once, or as often as `visiblePausesMs` says, as
 * soon as Slack answers again. When it gives up, it returns the last answer or throws. After a rate limit, the requests of
 * that method take turns.
 */
export function createSlackCaller({
  apiUrl,
  observe,
  timeoutMs = seconds(15),
  attempts = Infinity,
  patienceMs = minutes(2),
  visiblePausesMs = [0],
  paces = createPaces(),
  tokenWatch,
  outlastsRejection = false,
  signal,
  pause = pauseUnlessAborted,
}: SlackFetchOptions): SlackCaller {
  async function slackAnswers(giveUpAt: number): Promise<boolean> {
    for (let attempt = 1; performance.now() < giveUpAt && !signal?.aborted; attempt++) {
      // Leaves time for a short outage to end: the call has only one attempt left.
      await pause(Math.max(pauseAfter(attempt), seconds(3)), signal);
      const { failure } = await attemptOnce('api.test', `${apiUrl}api.test`, { method: 'POST' }, timeoutMs);
      if (failure !== 'unsent' && failure !== 'unanswered') return true;
    }
    return false;
  }

  return async (method, url, init) => {
    const giveUpAt = performance.now() + patienceMs;
    let lost = 0;
    for (let attempt = 1; ; attempt++) {
      await paces.turn(method, giveUpAt, pause);
      const outcome = await attemptOnce(method, url, init, timeoutMs);
      const { failure } = outcome;
      if (isMethod(method)) tokenWatch?.note(outcome);
      if (failure === undefined) return outcome.response;
      if (failure === 'rejected' && !outlastsRejection) return outcome.response;
      const waitMs = outcome.retryAfterMs ?? pauseAfter(attempt);
      const visiblePauseMs = visiblePausesMs[lost];
      const isLate =
        attempt >= attempts || performance.now() + waitMs > giveUpAt || (signal?.aborted && failure !== 'limited');
      if (failure === 'limited') {
        observe(method, 'rate_limited');
        paces.limit(method, waitMs);
        if (!isLate) continue;
      } else if (!isLate && !isVisible(method, failure)) {
        await pause(waitMs, signal);
        continue;
      } else if (!isLate && visiblePauseMs !== undefined) {
        lost++;
        await pause(visiblePauseMs, signal);
        if (await slackAnswers(giveUpAt)) continue;
      }
      if (outcome.response) return outcome.response;
      throw outcome.error;
    }
  };
}

const pauseUnlessAborted = (ms: number, signal?: AbortSignal) =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** The request was never sent, so nobody sees it twice if it is sent again. */
export class NeverSent extends Error {}

/** Half a second, doubling each time, up to ten seconds. */
const pauseAfter = (attempt: number) => Math.min(500 * 2 ** (attempt - 1), seconds(10)) * (0.75 + Math.random() / 2);

type Outcome =
  | { failure?: undefined; response: Response }
  | { failure: 'rejected'; rejection: string; retryAfterMs?: undefined; response: Response; error?: undefined }
  | { failure: Exclude<Failure, 'rejected'>; retryAfterMs?: number; response?: Response; error?: unknown };

async function attemptOnce(
  method: string,
  url: string,
  init: RequestInit | undefined,
  timeoutMs: number,
): Promise<Outcome> {
  const controller = new AbortController();
  try {
    return await within(timeoutMs, async () => {
      const answer = await fetch(url, { ...init, signal: controller.signal });
      const body = await readBody(answer);
      return outcomeOf(method, new Response(body, { status: answer.status, headers: answer.headers }), body);
    });
  } catch (error) {
    controller.abort();
    if (error instanceof NoAnswer) {
      const text = `Slack did not answer within ${formatDuration(timeoutMs)}`;
      return { failure: 'unanswered', error: new Error(text, { cause: error }) };
    }
    const isUnsent = neverConnected(error);
    const text = causeOf(error);
    return isUnsent
      ? { failure: 'unsent', error: new NeverSent(text, { cause: error }) }
      : { failure: 'unanswered', error: new Error(text, { cause: error }) };
  }
}

/** Reads the whole answer, so that one that is cut off counts as a failure of this attempt. */
async function readBody(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += costOf(part);
    if (size > mostBytes) throw new Error(`Slack's answer is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function outcomeOf(method: string, response: Response, body: string): Outcome {
  const { status, headers } = response;
  if (status === 429) {
    // Never at once: Slack has just said that there were too many calls.
    return { failure: 'limited', retryAfterMs: retryAfterMs(headers.get('retry-after')) || seconds(1), response };
  }
  if (status >= 500) return { failure: 'unanswered', response };
  if (!isMethod(method)) return { response };
  // Slack answers with JSON, whatever it has to say.
  if (!body.trimStart().startsWith('{')) return { failure: 'unanswered', error: new Error(notSlack(status, headers)) };
  const error = /^\{"ok":false,"error":"(\w+)"/.exec(body.slice(0, 200).replaceAll(/\s/g, ''))?.[1] ?? '';
  const failure = passingFailure(error);
  if (failure === 'limited') return { failure, retryAfterMs: seconds(1), response };
  if (failure !== undefined) return { failure, response };
  if (isTokenError(error)) return { failure: 'rejected', rejection: error, response };
  return { response };
}

/** Uploads and answers to clicks have addresses of their own, and are not answered with JSON. */
const isMethod = (method: string): boolean => method !== 'upload' && method !== 'response_url';

function notSlack(status: number, headers: Headers): string {
  const type = headers.get('content-type')?.split(';')[0] || 'no content type';
  return `something other than Slack answered (HTTP ${status}, ${type}), such as a proxy between vcdemo and Slack`;
}

/** Slack sends these with HTTP 200. @see https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const passingErrors = new Map<string | undefined, Exclude<Failure, 'rejected'>>([
  ['ratelimited', 'limited'],
  ['rate_limited', 'limited'],
  ['internal_error', 'unanswered'],
  ['fatal_error', 'unanswered'],
  ['service_unavailable', 'unanswered'],
  ['request_timeout', 'unanswered'],
  // The workspace, or the channel, is being moved into an organization.
  ['team_added_to_org', 'unsent'],
  ['org_login_required', 'unsent'],
  ['external_channel_migrating', 'unsent'],
]);

/** How a call failed that Slack answered with an error that passes by itself; undefined for any other error. */
export const passingFailure = (code: string | undefined) => passingErrors.get(code);

/** Errors of a connection that was never established. */
const connectErrors = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function neverConnected(error: unknown): boolean {
  const code = codeOf(error);
  return connectErrors.has(code) || code === 'UND_ERR_CONNECT_TIMEOUT' || isUntrusted(error);
}

/** Whether a connection failed because of the certificate of the other side. */
export const isUntrusted = (error: unknown): boolean => /CERT|SELF_SIGNED|LEAF_SIGNATURE|TLS/.test(codeOf(error));

/** fetch always says "fetch failed"; the reason is in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause) || codeOf(error);
}

function codeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
