import { readBotSettings } from '../config.js';
import { seconds } from '../duration.js';
import { exitWith, onStopRequest, orExit } from '../exit.js';
import { createLog } from '../log.js';
import { useProxies } from '../proxy.js';
import { startBot } from './app.js';

const settings = orExit(readBotSettings);
await useProxies();
const log = createLog('vcdemo-bot', settings.LOG_LEVEL);
const starting = startBot(settings, log);
onStopRequest((signal) => {
  log.info({ signal }, 'bot is stopping');
  setTimeout(() => process.exit(1), seconds(5)).unref();
  starting
    .then((bot) => bot.close())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'bot did not stop cleanly');
        process.exit(1);
      },
    );
});
const bot = await starting.catch(exitWith);
void bot.refused.then((error) => {
  log.fatal({ reason: error.message }, 'Slack rejected the bot');
  exitWith(error);
});
