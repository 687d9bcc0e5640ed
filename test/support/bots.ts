import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { startBot, type Bot } from '../../src/bot/app.js';
import { queueKinds } from '../../src/commands/payload.js';
import { readBotSettings, type SharedConfig } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { botEnvironment } from './environments.js';
import { startRedis, type LocalRedis } from './redis.js';
import { startSlack, type SlackWorkspace } from './slack.js';

/** Bots in this process with a Slack and a Redis, but without workers: what people are told at once, and which jobs wait. */
export interface Bots {
  slack: SlackWorkspace;
  redis: LocalRedis;
  /** To look into that Redis. */
  connection: Redis;
  /** Starts a bot; over signed HTTP unless its environment says otherwise. */
  start(environment?: Record<string, string>, changes?: ConfigChanges): Promise<Bot>;
  waiting(): Promise<Job<unknown>[]>;
  /** Empties Redis and forgets the forms and Home tabs. */
  reset(): Promise<void>;
  closeBots(): Promise<void>;
  close(): Promise<void>;
}

/** What differs from the default configuration. */
export interface ConfigChanges {
  clusters?: string[];
  access?: Partial<SharedConfig['access']>;
}

export const urlOf = ({ port }: Bot): string => `http://127.0.0.1:${port}`;

/** Empties Redis as if all waiting jobs had been taken back; otherwise people would soon be told that they were lost. */
const emptyRedis = `
local marks = redis.call('keys', 'bull:*:taken-back:*')
for _, list in ipairs(redis.call('keys', 'bull:*:wait')) do
  for _, id in ipairs(redis.call('lrange', list, 0, -1)) do
    table.insert(marks, list:sub(1, -5) .. 'taken-back:' .. id)
  end
end
redis.call('flushall')
for _, mark in ipairs(marks) do redis.call('set', mark, '1', 'px', '60000') end
`;

/** @param queueNames where `waiting` looks */
export async function prepareBots(queueNames: readonly string[] = queueKinds): Promise<Bots> {
  const [redis, slack] = await Promise.all([startRedis(), startSlack()]);
  const connection = new Redis(redis.url);
  const queues = queueNames.map((name) => new Queue<unknown>(name, { connection }));
  const started: Bot[] = [];
  const closeBots = async () => void (await Promise.all(started.splice(0).map((bot) => bot.close())));
  return {
    ...{ slack, redis, connection },
    async start(environment = {}, { clusters = [], access = {} } = {}) {
      const { demoConfig, ...settings } = readBotSettings({
        ...botEnvironment({ slack, redis }),
        ...environment,
      });
      const limits = { ...demoConfig.limits, commandsPerMinute: 10_000 };
      const changed = { ...demoConfig, limits, clusters, access: { ...demoConfig.access, ...access } };
      const bot = await startBot({ ...settings, demoConfig: changed }, createLog('test', 'silent'));
      started.push(bot);
      return bot;
    },
    waiting: async () => (await Promise.all(queues.map((queue) => queue.getWaiting()))).flat(),
    async reset() {
      await connection.eval(emptyRedis, 0);
      slack.views.modals.length = 0;
      slack.views.homes.clear();
    },
    closeBots,
    async close() {
      await closeBots();
      await Promise.all(queues.map((queue) => queue.close()));
      connection.disconnect();
      await Promise.all([redis.stop(), slack.close()]);
    },
  };
}
