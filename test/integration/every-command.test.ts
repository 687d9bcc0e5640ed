import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startBot, type Bot } from '../../src/bot/app.js';
import type { Command } from '../../src/commands/command.js';
import { queueKinds } from '../../src/commands/payload.js';
import { commandNames, commands } from '../../src/commands/table.js';
import { readBotSettings } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { jobKeys } from '../support/job-keys.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { slackCommand, startSlack, triggerId, type SlackWorkspace } from '../support/slack.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';

/* Every row of the table of commands, over signed HTTP and over Socket Mode, each delivered twice. */

const log = createLog('test', 'silent');
let redis: LocalRedis;
let slack: SlackWorkspace;
let socket: SocketModeSlack;
let connection: Redis;
let queues: Queue[];
let overHttp: Bot;
let overSocket: Bot;

const settings = (environment: Record<string, string>) => {
  const read = readBotSettings({ ...jobKeys, REDIS_URL: redis.url, PORT: '0', ...environment });
  const { demoConfig } = read;
  const access = { ...demoConfig.access, admins: ['U0ADMIN'], guests: true };
  const limits = { ...demoConfig.limits, commandsPerMinute: 1_000 };
  return { ...read, demoConfig: { ...demoConfig, access, limits } };
};

before(async () => {
  [redis, slack, socket] = await Promise.all([startRedis(), startSlack(), startSocketModeSlack()]);
  connection = new Redis(redis.url);
  queues = queueKinds.map((kind) => new Queue(kind, { connection }));
  overHttp = await startBot(
    settings({
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    }),
    log,
  );
  overSocket = await startBot(
    settings({
      SLACK_MODE: 'socket',
      SLACK_BOT_TOKEN: 'xoxb-test',
      SLACK_APP_TOKEN: 'xapp-test',
      SLACK_API_URL: socket.apiUrl,
    }),
    log,
  );
});
after(async () => {
  await Promise.all([overHttp.close(), overSocket.close()]);
  await Promise.all(queues.map((queue) => queue.close()));
  connection.disconnect();
  await Promise.all([redis.stop(), slack.close(), socket.close()]);
});

const person = { userId: 'U0ADMIN', userName: 'ada' };

/** Sends a command; resolves with what is shown at once. */
type Say = (text: string, trigger: string) => Promise<object>;

const ways: [string, Say][] = [
  [
    'over signed HTTP',
    async (text, trigger) => {
      const command = { ...person, channelId: 'C0DEMOS', text, triggerId: trigger };
      const { status, body } = await slackCommand(`http://127.0.0.1:${overHttp.port}`, slack.signingSecret, command);
      assert.equal(status, 200);
      return body;
    },
  ],
  [
    'over Socket Mode',
    async (text, trigger) => {
      const { payload = {} } = await socket.send('slash_commands', {
        command: '/vcdemo',
        text,
        user_id: person.userId,
        user_name: person.userName,
        channel_id: 'C0DEMOS',
        team_id: 'T0',
        trigger_id: trigger,
      });
      return payload;
    },
  ],
];

for (const [way, say] of ways)
  describe(way, () => {
    for (const name of commandNames) {
      const { queue, asks, example }: Command = commands[name];
      // With one host cluster there is no question where the demo is.
      const isQuestion = asks === 'always';
      const outcome = !queue ? 'is answered at once' : isQuestion ? 'is one question' : 'is one job';
      test(`\`${name}\`, delivered twice, ${outcome}`, async () => {
        await connection.flushall();
        // As Slack sends what people pick from its lists.
        const text = example
          .replace(/@group/, '<!subteam^S0GROUP|@group>')
          .replace(/(?<!\S)@\w+/, '<@U0BOB>')
          .replace(/#\w+/, '<#C0DEMOS>');
        const trigger = triggerId();
        const [first, second] = [await say(text, trigger), await say(text, trigger)];
        const jobs = (await Promise.all(queues.map((each) => each.getWaiting()))).flat();
        assert.deepEqual(first, second);
        assert.deepEqual(
          jobs.map((job) => job.name),
          queue ? [isQuestion ? 'question' : name] : [],
        );
        if (queue === 'verification' || isQuestion) assert.deepEqual(first, {});
        else assert.match(JSON.stringify(first), queue ? /"ephemeral"/ : /vcdemo/);
      });
    }
  });
