import { setTimeout as sleep } from 'node:timers/promises';
import { SocketModeClient, type SocketModeOptions } from '@slack/socket-mode';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { SlackCallObserver } from '../../metrics.js';
import { proxyDispatcher } from '../../proxy.js';
import { errorCodeOf, silentLogger, slackClientOptions } from '../../slack/client.js';
import { within } from '../../within.js';
import { parseEnvelope } from './body.js';
import type { Dispatch } from './dispatch.js';

/*
 * Socket Mode. When the client itself reconnects, an answer of Slack's other than 200 ends the process. So each connection
 * has a client of its own that does not, and a loop here makes the next one.
 */

export interface SocketReceiverOptions {
  appToken: string;
  apiUrl: string | undefined;
  dispatch: Dispatch;
  observe: SlackCallObserver;
  log: Log;
  /** Between two attempts; they become rarer until then. */
  longestPauseMs?: number;
}

/** A connection to Slack that is made again and again until it is closed. */
export interface SocketReceiver {
  /** Why there is no connection; undefined while there is one. */
  problem(): string | undefined;
  /** Resolves with the error by which Slack refused the app for good. */
  refused: Promise<unknown>;
  close(): void;
}

const connectTimeoutMs = seconds(20);
const callTimeoutMs = seconds(10);
/** A connection that ended sooner counts as a failed attempt: Slack may end one instead of refusing it. */
const shortestLifeMs = seconds(10);

/** What Slack says when another attempt is of no use. */
const finalErrors = new Set([
  ...['invalid_auth', 'not_authed', 'account_inactive', 'user_removed_from_team', 'team_disabled', 'token_revoked'],
  ...['token_expired', 'not_allowed_token_type', 'missing_scope', 'no_permission'],
]);

/**
 * Resolves after the first attempt, whether it succeeded or not.
 * @throws what Slack said, if it refuses the app.
 */
export async function startSocketReceiver(options: SocketReceiverOptions): Promise<SocketReceiver> {
  const { log, longestPauseMs = seconds(15) } = options;
  // One for all connections: it remembers until when Slack wants to be left alone.
  const webApi = slackClientOptions({ ...options, attempts: 1, timeoutMs: callTimeoutMs });
  const dispatcher = proxyDispatcher();
  const open = new Set<SocketModeClient>();
  const closing = new AbortController();
  let problem: string | undefined = 'not connected yet';
  let firstAttempted!: () => void;
  const firstAttempt = new Promise<void>((resolve) => (firstAttempted = resolve));

  /** Resolves with Slack's reason when the connection has ended. */
  async function connectOnce(): Promise<string> {
    const client = createClient(options, { clientOptions: webApi, ...(dispatcher && { dispatcher }) });
    open.add(client);
    const ended = endOf(client).finally(() => open.delete(client));
    await connect(client);
    if (problem !== undefined) log.info('Connected to Slack');
    problem = undefined;
    firstAttempted();
    return await ended;
  }

  async function stayConnected(): Promise<unknown> {
    for (let failures = 0; ;) {
      const since = performance.now();
      try {
        problem = await connectOnce();
      } catch (error) {
        problem = messageOf(error);
        if (finalErrors.has(errorCodeOf(error) ?? '')) return error;
      }
      if (closing.signal.aborted) return await never;
      firstAttempted();
      failures = performance.now() - since < shortestLifeMs ? failures + 1 : 0;
      // One that lived is followed at once: what Slack sends in between is lost.
      const pauseMs = failures === 0 ? 0 : Math.min(500 * 2 ** failures, longestPauseMs) * (0.75 + Math.random() / 4);
      log[failures === 0 ? 'info' : 'warn']({ reason: problem }, 'Not connected to Slack; trying again');
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => never);
    }
  }

  const refused = stayConnected();
  let refusal: { error: unknown } | undefined;
  void refused.then((error) => {
    refusal = { error };
    firstAttempted();
  });
  await firstAttempt;
  if (refusal !== undefined) throw (refusal as { error: unknown }).error;
  return {
    problem: () => problem,
    refused,
    close() {
      closing.abort();
      for (const client of open) void client.disconnect();
    },
  };
}

/** Nobody waits for it any more. */
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
    // What Slack is not answered it sends again.
    const answer = incoming === undefined ? Promise.resolve({ body: undefined }) : dispatch(incoming).answer;
    if (incoming === undefined) log.info('Refused a request that is malformed');
    answer
      .then((given) => ack(given.body))
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'An answer did not reach Slack'));
  });
  return client;
}

interface SlackEnvelope {
  body: unknown;
  ack(body?: string | object): Promise<void>;
}

/** Throws what Slack said, or that it did not. */
async function connect(client: SocketModeClient): Promise<void> {
  let socketError: unknown;
  client.on('error', (error: unknown) => (socketError = error));
  try {
    await within(connectTimeoutMs, () => client.start());
  } catch (error) {
    // It may still come to be connected.
    client.once('connected', () => void client.disconnect());
    void client.disconnect();
    throw error ?? socketError ?? new Error('Slack closed the connection');
  }
}

/** The reason why the connection ended: as soon as Slack says that it will end it, so that the next one can follow. */
function endOf(client: SocketModeClient): Promise<string> {
  return new Promise((resolve) => {
    client.on('ws_message', (data: unknown) => {
      const reason = disconnectReasonIn(String(data));
      if (reason !== undefined) resolve(`Slack ended the connection: ${reason}`);
    });
    client.once('disconnected', () => resolve('the connection was lost'));
  });
}

function disconnectReasonIn(message: string): string | undefined {
  // Those of Slack itself are short.
  if (message.length > 2_000) return undefined;
  try {
    const { type, reason } = JSON.parse(message) as { type?: unknown; reason?: unknown };
    return type === 'disconnect' ? String(reason) : undefined;
  } catch {
    return undefined;
  }
}
