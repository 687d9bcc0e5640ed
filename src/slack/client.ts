import {
  LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRequestError,
  WebClient,
  type Logger,
  type WebClientOptions,
} from '@slack/web-api';
import { minutes } from '../duration.js';
import { messageOf } from '../errors.js';
import type { SlackCallObserver } from '../metrics.js';
import {
  createSlackCaller,
  createSlackFetch,
  isUntrusted,
  NeverSent,
  passingFailure,
  type SlackFetchOptions,
} from './fetch.js';

export interface SlackCallOptions extends Omit<SlackFetchOptions, 'apiUrl'> {
  /** An address other than Slack's own. */
  apiUrl?: string | undefined;
}

const slackAddress = 'https://slack.com/api/';
const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);

/** Options that make a Slack client retry only calls that are safe to retry. */
export function slackClientOptions({
  apiUrl = slackAddress,
  ...calls
}: SlackCallOptions): WebClientOptions & { fetch: typeof fetch } {
  const slackApiUrl = withSlash(apiUrl);
  return {
    slackApiUrl,
    fetch: createSlackFetch({ ...calls, apiUrl: slackApiUrl }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: silentLogger,
  };
}

/**
 * Answers a command or a click by its response_url.
 * @throws Error if Slack does not take the answer; the address is valid for half an hour and five answers
 */
export type Responder = (url: string, answer: object) => Promise<void>;

export function createResponder({ apiUrl = slackAddress, ...calls }: SlackCallOptions): Responder {
  const call = createSlackCaller({ ...calls, apiUrl: withSlash(apiUrl) });
  const respond: Responder = async (url, answer) => {
    const body = JSON.stringify(answer);
    const { ok, status } = await call('response_url', url, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/json' },
    });
    if (!ok) throw new Error(`HTTP ${status}`);
  };
  return (url, answer) =>
    respond(url, answer).then(
      () => calls.observe('response_url', 'ok'),
      (error: unknown) => {
        calls.observe('response_url', 'error');
        throw error;
      },
    );
}

interface SlackClientOptions extends SlackCallOptions {
  token: string;
  /** How long the content of a file is sent again; some networks let the Web API through, but not Slack's host for files. */
  uploadPatienceMs?: number;
}

/** The content of a file did not reach Slack, although the Web API answers. */
export class UploadFailed extends Error {}

/** A client that reports its calls to `observe`. */
export function createSlackClient(options: SlackClientOptions): SlackClient {
  return new SlackClient(options);
}

export class SlackClient extends WebClient {
  private readonly observe: SlackCallObserver;
  private readonly send: typeof fetch;

  constructor({ token, uploadPatienceMs = minutes(2), ...calls }: SlackClientOptions) {
    const options = slackClientOptions(calls);
    super(token, options);
    this.observe = calls.observe;
    const patienceMs = Math.min(calls.patienceMs ?? uploadPatienceMs, uploadPatienceMs);
    this.send = slackClientOptions({ ...calls, patienceMs }).fetch;
  }

  /**
   * Sends a file's content to the address that `files.getUploadURLExternal` gave for it.
   * @throws UploadFailed
   */
  async putFile(uploadUrl: string, content: Buffer): Promise<void> {
    const failed = (reason: string, cause?: unknown) =>
      new UploadFailed(`its upload to ${new URL(uploadUrl).host} failed: ${reason}`, { cause });
    const { ok, status } = await this.send(uploadUrl, { method: 'POST', body: new Uint8Array(content) }).catch(
      (error: unknown) => {
        throw failed(messageOf(error), error);
      },
    );
    if (!ok) throw failed(`HTTP ${status}`);
  }

  override async apiCall(...[method, options]: Parameters<WebClient['apiCall']>) {
    try {
      const result = await super.apiCall(method, options);
      this.observe(method, 'ok');
      return result;
    } catch (error) {
      this.observe(method, 'error');
      nameMissingScope(error);
      throw error;
    }
  }
}

/** Slack says which scope the app is missing, but the library's message does not. */
function nameMissingScope(error: unknown): void {
  if (!(error instanceof WebAPIPlatformError) || error.data.error !== 'missing_scope') return;
  if ('needed' in error.data && typeof error.data.needed === 'string')
    error.message = `the Slack app is missing the scope ${error.data.needed}: add it to the app (slack-manifest.yaml lists all of them) and install it again`;
}

/** For Slack's clients: the caller reports what failed, and their own lines would bypass our log. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

/** Slack's error code for a refused call, such as `channel_not_found`. */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof WebAPIPlatformError ? error.data.error : undefined;
}

/** Whether Slack has answered that it refuses the call, or its certificate is not accepted: waiting does not help. */
export function isRefusedForGood(error: unknown): boolean {
  if (error instanceof WebAPIRequestError)
    return error.original instanceof NeverSent && isUntrusted(error.original.cause);
  const code = errorCodeOf(error);
  return code !== undefined && passingFailure(code) === undefined;
}

/** Whether Slack may have carried out a call that failed with this error. */
export function mayHaveArrived(error: unknown): boolean {
  if (error instanceof WebAPIRequestError) return !(error.original instanceof NeverSent);
  if (error instanceof WebAPIHTTPError) return error.statusCode >= 500;
  return passingFailure(errorCodeOf(error)) === 'unanswered';
}
