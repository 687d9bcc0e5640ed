import type { LocalRedis } from './redis.js';
import { jobKeys } from './job-keys.js';
import type { SimulatedHost } from './host.js';
import type { SlackWorkspace } from './slack.js';

/* The settings of a bot and of a worker that use the stand-ins. */

interface StandIns {
  slack: Pick<SlackWorkspace, 'botToken' | 'signingSecret' | 'apiUrl'>;
  redis: Pick<LocalRedis, 'url'>;
}

export const botEnvironment = ({ slack, redis }: StandIns): Record<string, string> => ({
  ...jobKeys,
  SLACK_BOT_TOKEN: slack.botToken,
  SLACK_SIGNING_SECRET: slack.signingSecret,
  SLACK_API_URL: slack.apiUrl,
  REDIS_URL: redis.url,
  PORT: '0',
});

export const workerEnvironment = ({ slack, redis, host }: StandIns & { host: SimulatedHost }) => ({
  ...host.environment,
  ...jobKeys,
  SLACK_BOT_TOKEN: slack.botToken,
  SLACK_API_URL: slack.apiUrl,
  REDIS_URL: redis.url,
});
