import { AwsLambdaReceiver } from '@slack/bolt';
import { readBotSettings } from '../config.js';
import { exitWith, orExit } from '../exit.js';
import { createLog } from '../log.js';
import { boltLogger, createApp } from './app.js';
import { createBotMetrics } from '../metrics.js';
import { createMomentaryQueues } from './queue.js';

/*
 * The bot as a function: API Gateway (REST or HTTP) and function URLs call `handler`. It may be frozen the moment it has
 * answered: the command is on the queue by then, and nothing is kept that could be dead later.
 */

const settings = orExit(readBotSettings);
const log = createLog('vcdemo-bot', settings.LOG_LEVEL);
const receiver = new AwsLambdaReceiver({
  signingSecret: settings.SLACK_SIGNING_SECRET ?? '',
  logger: boltLogger(log),
});
// Counted for nobody: a function has no place where Prometheus could ask.
const metrics = createBotMetrics();
await createApp(
  settings,
  { queues: createMomentaryQueues(settings, log, settings.demoConfig), demoConfig: settings.demoConfig, metrics, log },
  {
    receiver,
    // Saves asking Slack who the bot is at each cold start: no listener needs to know.
    authorize: () => Promise.resolve({ botToken: settings.SLACK_BOT_TOKEN }),
  },
).catch(exitWith);

/** For Lambda's `Handler: lambda.handler`. */
export const handler = receiver.toHandler();
