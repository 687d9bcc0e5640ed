import { setTimeout as sleep } from 'node:timers/promises';
import { SocketModeClient, type SocketModeOptions } from '@slack/socket-mode';
import { WebAPIRateLimitedError } from '@slack/web-api';
import * as z from 'zod';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { SlackCallObserver } from '../../metrics.js';
import { proxyDispatcher } from '../../proxy.js';
import { errorCodeOf, silentLogger, slackClientOptions } from '../../slack/client.js';
import { isTokenError } from '../../slack/token-watch.js';
import { parseJson } from '../../json.js';
import { NoAnswer, within } from '../../within.js';
import { parseEnvelope } from './body.js';
import type { Dispatch } from './dispatch.js';

/*
 * Socket Mode. When the client reconnects by itself, any answer from Slack other than 200 ends the process. So every
 * connection gets a new client that does not reconnect, and a loop here opens the next one.
 */

interface SocketReceiverOptions {
  appToken: string;
  apiUrl: string | undefined;
  dispatch: Dispatch;
  observe: SlackCallObserver;
  log: Log;
  /** The longest pause between two attempts; pauses grow until then. */
  longestPauseMs?: number;
}

/** A connection to Slack that is reopened until it is closed on purpose. */
export interface SocketReceiver {
  /** Why the bot is not connected; undefined while it is. */
  problem(): string | undefined;
  /** Resolves with the error with which Slack rejected the app for good. */
  refused: Promise<unknown>;
  close(): void;
}

const connectTimeoutMs = seconds(20);
const callTimeoutMs = seconds(10);
/** A shorter connection counts as a failed attempt: Slack may close a connection instead of refusing it. */
const shortestLifeMs = seconds(10);

/** Errors of Slack after which another attempt is useless. */
const isFinal = (code: string): boolean => isTokenError(code) || code === 'missing_scope' || code === 'no_permission';

/**
 * Resolves after the first attempt, whether it succeeded or not.
 * @throws the error from Slack, if it rejects the app.
 */
export async function startSocketReceiver(options: SocketReceiverOptions): Promise<SocketReceiver> {
  const { log, longestPauseMs = seconds(15) } = options;
  // The loop below waits, also for the end of a rate limit.
  const webApi = slackClientOptions({ ...options, attempts: 1, patienceMs: 0, timeoutMs: callTimeoutMs });
  const dispatcher = await proxyDispatcher();
  const open = new Set<SocketModeClient>();
  const closing = new AbortController();
  let problem: string | undefined = 'not connected yet';
  let connectedAt = Infinity;
  let firstAttempted!: () => void;
  const firstAttempt = new Promise<void>((resolve) => (firstAttempted = resolve));

  /** Resolves with the reason when the connection has ended. */
  async function connectOnce(): Promise<string> {
    const client = createClient(options, { clientOptions: webApi, ...(dispatcher && { dispatcher }) });
    open.add(client);
    const ended = endOf(client).finally(() => open.delete(client));
    await connect(client, ended);
    connectedAt = performance.now();
    if (problem !== undefined) log.info('connected to Slack');
    problem = undefined;
    firstAttempted();
    return await ended;
  }

  async function stayConnected(): Promise<unknown> {
    for (let failures = 0; ;) {
      const since = performance.now();
      connectedAt = Infinity;
      let allowedAt = 0;
      try {
        problem = await connectOnce();
      } catch (error) {
        problem = messageOf(error);
        if (isFinal(errorCodeOf(error) ?? '')) return error;
        if (error instanceof WebAPIRateLimitedError) allowedAt = performance.now() + seconds(error.retryAfter);
      }
      if (closing.signal.aborted) return await never;
      firstAttempted();
      const now = performance.now();
      failures = now - connectedAt < shortestLifeMs ? failures + 1 : 0;
      // A connection that lasted is replaced at once: what Slack sends in between is lost.
      const pauseMs = failures === 0 ? 0 : Math.min(500 * 2 ** failures, longestPauseMs) * (0.75 + Math.random() / 4);
      log[failures === 0 ? 'info' : 'warn']({ reason: problem }, 'not connected to Slack; retrying');
      await sleep(Math.max(0, since + pauseMs - now, allowedAt - now), undefined, { signal: closing.signal }).catch(
        () => never,
      );
    }
  }

  const refused = stayConnected();
  const refusal = await Promise.race([firstAttempt, refused.then((error) => ({ error }))]);
  if (refusal) throw refusal.error;
  return {
    problem: () => problem,
    refused,
    close() {
      closing.abort();
      for (const client of open) void client.disconnect();
    },
  };
}

/** For a receiver that has been closed. */
const never = new Promise<never>(() => undefined);

function createClient(
  { appToken, dispatch, log }: SocketReceiverOptions,
  connection: Pick<SocketModeOptions, 'clientOptions' | 'dispatcher'>,
): SocketModeClient {
  const client = new SocketModeClient({
    appToken,
    autoReconnectEnabled: false,
    logger: silentLogger,
    ...connection,
  });
  client.on('slack_event', ({ body, ack }: SlackEnvelope) => {
    const incoming = parseEnvelope(body);
    // Slack repeats what is not answered.
    const answer = incoming === undefined ? Promise.resolve({ body: undefined }) : dispatch(incoming).answer;
    if (incoming === undefined) log.info('malformed request refused');
    answer
      .then((given) => ack(given.body))
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'answer did not reach Slack'));
  });
  return client;
}

interface SlackEnvelope {
  body: unknown;
  ack(body?: string | object): Promise<void>;
}

/** Throws the error from Slack, why it closed the connection at once, or that it did not answer. */
async function connect(client: SocketModeClient, ended: Promise<string>): Promise<void> {
  let socketError: unknown;
  let hasAddress = false;
  client.on('error', (error: unknown) => (socketError = error));
  client.once('authenticated', () => (hasAddress = true));
  try {
    await within(connectTimeoutMs, () => client.start());
  } catch (error) {
    // It may still connect later.
    client.once('connected', () => void client.disconnect());
    void client.disconnect();
    if (error instanceof NoAnswer && hasAddress) throw new Error(notOpened, { cause: error });
    throw error ?? (socketError === undefined ? new Error(await ended) : named(socketError));
  }
}

/** Node does not say why it could not open a WebSocket. */
const named = (error: unknown): unknown => (messageOf(error) === '' ? new Error(notOpened, { cause: error }) : error);

const notOpened =
  'its Web API answers, but no WebSocket could be opened; a proxy or firewall may block its hosts, such as wss-primary.slack.com';

/** The reason why the connection ended, as soon as Slack announces it, so that the next one can be opened. */
function endOf(client: SocketModeClient): Promise<string> {
  return new Promise((resolve) => {
    client.on('ws_message', (data: unknown) => {
      const reason = disconnectReasonIn(String(data));
      if (reason !== undefined) resolve(`Slack closed the connection: ${closings[reason] ?? reason}`);
    });
    client.once('disconnected', () => resolve('the connection was lost'));
  });
}

const closings: Record<string, string> = {
  link_disabled: 'link_disabled, because Socket Mode is off in the settings of the Slack app',
};

const disconnectMessage = z.object({ type: z.literal('disconnect'), reason: z.unknown().transform(String) });

function disconnectReasonIn(message: string): string | undefined {
  // Slack's own messages are short.
  if (message.length > 2_000) return undefined;
  return disconnectMessage.safeParse(parseJson(message)).data?.reason;
}
