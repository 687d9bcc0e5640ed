import { readBotSettings, type BotSettings } from '../config.js';
import { seconds } from '../duration.js';
import { UserError } from '../errors.js';
import { createLog } from '../log.js';
import { startBot } from './app.js';

const settings = readSettingsOrExit();
const log = createLog('vcdemo-bot', settings.LOG_LEVEL);
const starting = startBot(settings, log);
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    log.info({ signal }, 'Stopping');
    setTimeout(() => process.exit(1), seconds(5)).unref();
    starting
      .then((bot) => bot.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'The bot did not stop cleanly');
          process.exit(1);
        },
      );
  });
await starting.catch(exitWith);

function readSettingsOrExit(): BotSettings {
  try {
    return readBotSettings();
  } catch (error) {
    return exitWith(error);
  }
}

function exitWith(error: unknown): never {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${[error.message, error.hint].filter(Boolean).join('\n')}\n`);
  process.exit(1);
}
