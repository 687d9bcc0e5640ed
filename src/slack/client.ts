import { LogLevel, WebAPIPlatformError, WebClient, type Logger } from '@slack/web-api';
import type { SlackCallObserver } from '../metrics.js';
import { createSlackFetch } from './fetch.js';

export interface SlackClientOptions {
  token: string;
  /** Another address than Slack's own. */
  apiUrl: string | undefined;
  observe: SlackCallObserver;
  /** How often a call is made at most; several times, if not given. */
  attempts?: number;
}

/** A client that counts its calls and repeats only those that may be repeated. */
export function createSlackClient(options: SlackClientOptions): WebClient {
  return new ObservedWebClient(options);
}

class ObservedWebClient extends WebClient {
  private readonly observe: SlackCallObserver;

  constructor({ token, apiUrl = 'https://slack.com/api/', ...calls }: SlackClientOptions) {
    const slackApiUrl = apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`;
    super(token, {
      slackApiUrl,
      fetch: createSlackFetch({ apiUrl: slackApiUrl, ...calls }),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      logger: silentLogger,
    });
    this.observe = calls.observe;
  }

  override async apiCall(...[method, options]: Parameters<WebClient['apiCall']>) {
    try {
      const result = await super.apiCall(method, options);
      this.observe(method, 'ok');
      return result;
    } catch (error) {
      this.observe(method, 'error');
      throw error;
    }
  }
}

/** For Slack's clients: who calls says what failed, and their own lines would be outside of our log. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

/** What Slack says of a call that it refused, such as `channel_not_found`. */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof WebAPIPlatformError ? error.data.error : undefined;
}
