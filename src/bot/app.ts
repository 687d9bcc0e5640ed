import type { Server } from 'node:http';
import { App, LogLevel, type Logger } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import type { BotSettings } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { createBotMetrics } from '../metrics.js';
import { portOf } from '../port.js';
import { createResponder, createSlackClient, type SlackCallOptions } from '../slack/client.js';
import { configuredInstallation, type Installation } from '../slack/installation.js';
import { createPeople } from '../slack/people.js';
import { watchToken } from '../slack/token-watch.js';
import { startTracing } from '../tracing.js';
import { findInstallation, type FoundInstallation } from './find-installation.js';
import { healthRoutes } from './health.js';
import { listenForCommand } from './listeners/command.js';
import type { BotContext, Later } from './listeners/context.js';
import { listenForButtons } from './listeners/button.js';
import { listenForForms } from './listeners/form.js';
import { listenForHome } from './listeners/home.js';
import { listenForMentions } from './listeners/mention.js';
import { createJobQueues, type JobQueues } from './queue.js';
import { createRateLimit } from './rate-limit.js';
import { createDispatcher, type Dispatch } from './receiver/dispatch.js';
import { createHttpReceiver } from './receiver/http.js';
import { startSocketReceiver, type SocketReceiver } from './receiver/socket.js';

export interface Bot {
  /** Where it listens; worth knowing when the settings say 0. */
  port: number;
  /** Resolves when Slack rejects this bot for good: in Socket Mode, or when it was away as the bot started. */
  refused: Promise<UserError>;
  /** Lets running requests finish, but waits no longer than a few seconds. */
  close(): Promise<void>;
}

/**
 * Starts a bot; one process can run several.
 * @throws UserError `slack-refused`, `port-unavailable`, or if Redis rejects commands. If Redis or Slack is down, the bot
 * starts anyway: `/readyz` reports it, and so does the answer to every command.
 */
export async function startBot(settings: BotSettings, log: Log): Promise<Bot> {
  const { demoConfig } = settings;
  const tracing = await startTracing('vcdemo-bot', settings);
  const metrics = createBotMetrics();
  metrics.collectProcess();
  const queues = createJobQueues(settings, log, { clusters: demoConfig.clusters, telemetry: tracing.telemetry });
  metrics.watchQueues(queues.lengths);
  const closing = new AbortController();
  try {
    await queues.proveAtStart();
    const rateLimit = createRateLimit(demoConfig.limits.commandsPerMinute);
    const tokenWatch = watchToken(log);
    const context = { queues, demoConfig, rateLimit, metrics, log, tokenWatch, closing: closing.signal };
    const running = await (settings.SLACK_MODE === 'http'
      ? startHttp(settings, context)
      : startSocketMode(settings, context));
    const port = portOf(running.server);
    log.info({ port, mode: settings.SLACK_MODE }, 'bot is ready');
    return {
      port,
      refused: running.refused.then(slackRefused),
      close() {
        closing.abort();
        return closeAll(running, queues).finally(tracing.stop);
      },
    };
  } catch (error) {
    closing.abort();
    await queues.close();
    await tracing.stop();
    throw error;
  }
}

interface Running {
  /** Serves the health paths, and Slack's requests in HTTP mode. */
  server: Server;
  stop(): void;
  refused: Promise<unknown>;
}

async function startHttp(settings: BotSettings, context: BotContext): Promise<Running> {
  const { installation, problem, refused } = await askWhereInstalled(settings, context);
  const dispatch = await createBoltDispatcher(settings, context, installation);
  const server = createHttpReceiver({
    signingSecret: settings.SLACK_SIGNING_SECRET ?? '',
    dispatch,
    routes: healthRoutes(context.queues, context.metrics, () => problem() ?? context.tokenWatch?.problem()),
    log: context.log,
  });
  await listen(server, settings.PORT);
  return { server, stop: () => undefined, refused };
}

async function startSocketMode(settings: BotSettings, context: BotContext): Promise<Running> {
  let socket: SocketReceiver | undefined;
  let found: FoundInstallation | undefined;
  const server = createHttpReceiver({
    signingSecret: '',
    dispatch: undefined,
    routes: healthRoutes(context.queues, context.metrics, () =>
      socket ? (found?.problem() ?? socket.problem() ?? context.tokenWatch?.problem()) : 'not connected yet',
    ),
    log: context.log,
  });
  await listen(server, settings.PORT);
  try {
    found = await askWhereInstalled(settings, context);
    const dispatch = await createBoltDispatcher(settings, context, found.installation);
    const { SLACK_APP_TOKEN: appToken = '', SLACK_API_URL: apiUrl } = settings;
    socket = await startSocketReceiver({
      appToken,
      apiUrl,
      dispatch,
      observe: context.metrics.slackCall,
      log: context.log,
    }).catch((error: unknown) => {
      throw slackRefused(error);
    });
    return { server, stop: socket.close, refused: Promise.race([found.refused, socket.refused]) };
  } catch (error) {
    server.close();
    throw error;
  }
}

const callOptions = (
  { SLACK_API_URL: apiUrl }: BotSettings,
  { metrics, tokenWatch }: BotContext,
  attempts?: number,
) => ({
  ...{ apiUrl, observe: metrics.slackCall, ...(tokenWatch && { tokenWatch }) },
  ...(attempts !== undefined && { attempts }),
});

const slackClient = (settings: BotSettings, options: SlackCallOptions): WebClient =>
  createSlackClient({ token: settings.SLACK_BOT_TOKEN, ...options });

/** A Lambda function answers only when its listeners are done, and Slack waits three seconds. */
const momentaryTimeoutMs = seconds(1);

/** Longer than a slow answer takes; whoever starts the bot wants to know soon. */
const startTimeoutMs = seconds(10);

/** The configuration takes precedence over Slack, and may say more. */
async function askWhereInstalled(settings: BotSettings, context: BotContext): Promise<FoundInstallation> {
  const options = { ...callOptions(settings, context, 1), timeoutMs: startTimeoutMs };
  const { closing, log } = context;
  const found = await findInstallation({ client: slackClient(settings, options), closing, log }).catch(
    (error: unknown) => {
      throw slackRefused(error);
    },
  );
  return { ...found, installation: () => ({ ...found.installation(), ...configuredInstallation(settings) }) };
}

/** Bolt with this bot's listeners, behind the checks of who is asking. */
export async function createBoltDispatcher(
  settings: BotSettings,
  context: BotContext,
  installation: () => Installation,
): Promise<Dispatch> {
  const { log, demoConfig } = context;
  const app = new App({
    // This bot has receivers of its own.
    receiver: { init: () => undefined, start: () => Promise.resolve(), stop: () => Promise.resolve() },
    // Saves a call to Slack: no listener needs to know who the bot is.
    authorize: () => Promise.resolve({ botToken: settings.SLACK_BOT_TOKEN }),
    logger: boltLogger(log),
    clientOptions: settings.SLACK_API_URL === undefined ? {} : { slackApiUrl: settings.SLACK_API_URL },
    // The bot does not listen to messages, so it cannot hear itself and has no conversations to remember.
    ignoreSelf: false,
    convoStore: false,
    deferInitialization: true,
  });
  await app.init();
  // A command that waits for its answer leaves no time for a second attempt.
  const hurried = { ...callOptions(settings, context, 1), patienceMs: seconds(1) };
  const slack = slackClient(settings, hurried);
  const patient = { ...callOptions(settings, context), ...(context.closing && { signal: context.closing }) };
  const later: Later = context.isMomentary
    ? { slack, respond: createResponder({ ...hurried, timeoutMs: momentaryTimeoutMs }) }
    : { slack: slackClient(settings, patient), respond: createResponder(patient) };
  const people = createPeople(slack, () => Promise.resolve(installation()));
  for (const listen of [listenForCommand, listenForButtons, listenForForms, listenForMentions, listenForHome])
    listen(app, { ...context, slack, later, people });
  return createDispatcher(app, {
    installation,
    people,
    guests: demoConfig.access.guests,
    later,
    log,
  });
}

function slackRefused(cause: unknown): UserError {
  return new UserError('slack-refused', `Slack rejected this bot: ${messageOf(cause)}`, {
    hint: 'Check SLACK_BOT_TOKEN (and SLACK_APP_TOKEN in Socket Mode), and that the bot can reach slack.com, or SLACK_API_URL if it is set.',
    cause,
  });
}

function portUnavailable(port: number, cause: unknown): UserError {
  return new UserError('port-unavailable', `The bot cannot listen on port ${port}: ${messageOf(cause)}`, {
    hint: 'Set PORT to a free port.',
    cause,
  });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portUnavailable(port, error)));
    server.listen(port, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Less than the five seconds after which main ends the process. */
const closeTimeoutMs = seconds(4);

async function closeAll({ server, stop }: Running, queues: JobQueues): Promise<void> {
  stop();
  const deadline = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
  await closeServer(server).finally(() => clearTimeout(deadline));
  await queues.close();
}

/** Writes Bolt's log lines to our log. */
function boltLogger(log: Log): Logger {
  const bolt = log.child({ part: 'bolt' });
  const text = (parts: unknown[]) => parts.map(messageOf).join(' ');
  return {
    debug: (...parts) => bolt.isLevelEnabled('debug') && bolt.debug(text(parts)),
    info: (...parts) => bolt.debug(text(parts)),
    warn: (...parts) => bolt.warn(text(parts)),
    error: (...parts) => bolt.error(text(parts)),
    // LOG_LEVEL decides what is logged; this is only the answer that Bolt expects.
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: () => undefined,
  };
}
