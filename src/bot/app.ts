import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { App, HTTPReceiver, LogLevel, type AppOptions, type Logger } from '@slack/bolt';
import type { BotSettings } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { createBotMetrics } from '../metrics.js';
import { startTracing } from '../tracing.js';
import { healthRoutes } from './health.js';
import { listenForCommand } from './listeners/command.js';
import type { ListenerContext } from './listeners/context.js';
import { listenForDeleteButton } from './listeners/delete-button.js';
import { listenForKeepButton } from './listeners/keep-button.js';
import { createJobQueues, type JobQueues } from './queue.js';

export interface Bot {
  /** Where it listens; of interest when the settings said 0. */
  port: number;
  /** Lets running requests finish, for a few seconds at most. */
  close(): Promise<void>;
}

/**
 * Starts a bot; several may run in one process.
 * @throws UserError `redis-evicts`, `slack-refused`, `port-unavailable`. A Redis that is down is no reason not to
 * start: `/readyz` says so and each command is answered with it.
 */
export async function startBot(settings: BotSettings, log: Log): Promise<Bot> {
  const { demoConfig } = settings;
  const tracing = await startTracing('vcdemo-bot', settings);
  const metrics = createBotMetrics();
  metrics.collectProcess();
  const queues = createJobQueues(settings, log, { clusters: demoConfig.clusters, telemetry: tracing.telemetry });
  metrics.watchQueues(queues.lengths);
  try {
    await queues.ping().catch((error: unknown) => {
      if (!(error instanceof UserError) || error.code !== 'redis-unavailable') throw error;
      log.warn({ reason: error.message }, 'Starting without Redis');
    });
    const context = { queues, demoConfig, metrics, log };
    const { server, stop } = await (settings.SLACK_MODE === 'http'
      ? startHttp(settings, context)
      : startSocketMode(settings, context));
    const { port } = server.address() as AddressInfo;
    log.info({ port, mode: settings.SLACK_MODE }, 'The bot is ready');
    return { port, close: () => closeAll(server, stop, queues).finally(tracing.stop) };
  } catch (error) {
    await queues.close();
    await tracing.stop();
    throw error;
  }
}

interface Running {
  /** Serves the health paths, and Slack's requests in HTTP mode. */
  server: Server;
  stop(): Promise<unknown>;
}

async function startHttp(settings: BotSettings, context: ListenerContext): Promise<Running> {
  const receiver = new HTTPReceiver({
    signingSecret: settings.SLACK_SIGNING_SECRET ?? '',
    endpoints: '/slack/events',
    customRoutes: healthRoutes(context.queues, context.metrics),
    logger: boltLogger(context.log),
    // Slack's own payloads are far below; this is for everybody else.
    bodyLimit: 1024 * 1024,
  });
  await createApp(settings, context, { receiver });
  // HTTPReceiver's type says Server of http or https; without TLS options it is the first.
  const server = await receiver.start(settings.PORT).catch((error: unknown) => {
    throw portUnavailable(settings.PORT, error);
  });
  return { server, stop: () => receiver.stop() };
}

async function startSocketMode(settings: BotSettings, context: ListenerContext): Promise<Running> {
  const server = await serveHealth(settings.PORT, context);
  try {
    const app = await createApp(settings, context, { socketMode: true, appToken: settings.SLACK_APP_TOKEN });
    await app.start().catch((error: unknown) => {
      throw slackRefused(error);
    });
    return { server, stop: () => Promise.all([app.stop(), closeServer(server)]) };
  } catch (error) {
    await closeServer(server);
    throw error;
  }
}

/** Bolt with this bot's listeners; `options` say how requests come in, and may say how they are authorised. */
export async function createApp(settings: BotSettings, context: ListenerContext, options: AppOptions): Promise<App> {
  const app = new App({
    ...(options.authorize ? {} : { token: settings.SLACK_BOT_TOKEN }),
    ...options,
    logger: boltLogger(context.log),
    clientOptions: {
      ...(settings.SLACK_API_URL === undefined ? {} : { slackApiUrl: settings.SLACK_API_URL }),
      // The default retries for half an hour.
      retryConfig: { retries: 2, minTimeout: 200, maxTimeout: 1_000 },
      timeout: seconds(5),
    },
    // The bot listens to no messages, so it neither hears itself nor has conversations to remember.
    ignoreSelf: false,
    convoStore: false,
    // Asks Slack here, in init(), where a wrong token can be reported.
    deferInitialization: true,
  });
  await app.init().catch((error: unknown) => {
    throw slackRefused(error);
  });
  listenForCommand(app, context);
  listenForDeleteButton(app, context);
  listenForKeepButton(app, context);
  return app;
}

function slackRefused(cause: unknown): UserError {
  return new UserError('slack-refused', `Slack does not accept this bot: ${messageOf(cause)}`, {
    hint: 'Check SLACK_BOT_TOKEN, SLACK_APP_TOKEN in Socket Mode, and that SLACK_API_URL, or slack.com, can be reached.',
    cause,
  });
}

function portUnavailable(port: number, cause: unknown): UserError {
  return new UserError('port-unavailable', `The bot cannot listen on port ${port}: ${messageOf(cause)}`, {
    hint: 'Set PORT to one that is free.',
    cause,
  });
}

function serveHealth(port: number, { queues, metrics }: ListenerContext): Promise<Server> {
  const routes = healthRoutes(queues, metrics);
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const route = routes.find((candidate) => candidate.path === path && candidate.method === request.method);
    if (route === undefined) response.writeHead(404).end();
    else route.handler(request, response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portUnavailable(port, error)));
    server.listen(port, () => resolve(server));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Less than the five seconds in which main ends the process. */
const closeTimeoutMs = seconds(4);

async function closeAll(server: Server, stop: Running['stop'], queues: JobQueues): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
  await stop().finally(() => clearTimeout(deadline));
  await queues.close();
}

/** Bolt's log lines in ours. */
export function boltLogger(log: Log): Logger {
  const bolt = log.child({ part: 'bolt' });
  const text = (parts: unknown[]) => parts.map(messageOf).join(' ');
  return {
    debug: (...parts) => bolt.isLevelEnabled('debug') && bolt.debug(text(parts)),
    info: (...parts) => bolt.debug(text(parts)),
    warn: (...parts) => bolt.warn(text(parts)),
    error: (...parts) => bolt.error(text(parts)),
    // LOG_LEVEL decides what is logged; Bolt only gets the answer that it expects.
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: () => undefined,
  };
}
