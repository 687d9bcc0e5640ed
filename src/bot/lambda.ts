import { readBotSettings } from '../config.js';
import { UserError } from '../errors.js';
import { exitWith } from '../exit.js';
import { createLog } from '../log.js';
import { createBotMetrics } from '../metrics.js';
import { useProxies } from '../proxy.js';
import { configuredInstallation } from '../slack/installation.js';
import { createBoltDispatcher } from './app.js';
import { createMomentaryQueues } from './queue.js';
import { createRateLimit } from './rate-limit.js';
import { createLambdaHandler } from './receiver/lambda.js';

/*
 * The bot as a Lambda function, called by API Gateway (REST or HTTP) or a function URL. It may be frozen as soon as it has
 * answered: by then the command is on the queue, and no connection is kept that could be dead later.
 */

/** For Lambda's `Handler: lambda.handler`. */
export const handler = await start().catch(exitWith);

async function start() {
  const settings = readBotSettings();
  if (settings.SLACK_MODE !== 'http')
    throw new UserError('settings-invalid', 'On Lambda, SLACK_MODE must be http: a function keeps no socket open.', {
      hint: 'Remove SLACK_MODE, and set SLACK_SIGNING_SECRET.',
    });
  await useProxies();
  const log = createLog('vcdemo-bot', settings.LOG_LEVEL);
  const context = {
    rateLimit: createRateLimit(settings.demoConfig.limits.commandsPerMinute),
    queues: createMomentaryQueues(settings, log, settings.demoConfig),
    demoConfig: settings.demoConfig,
    // Never read: Prometheus cannot scrape a function.
    metrics: createBotMetrics(),
    log,
    isMomentary: true,
  };
  // Asking Slack where the app is installed would cost every cold start a call.
  const dispatch = await createBoltDispatcher(settings, context, () => configuredInstallation(settings));
  return createLambdaHandler({ signingSecret: settings.SLACK_SIGNING_SECRET ?? '', dispatch, log });
}
