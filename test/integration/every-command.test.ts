import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Command } from '../../src/commands/command.js';
import { commandNames, commands } from '../../src/commands/table.js';
import { prepareBots, urlOf, type Bots } from '../support/bots.js';
import { slackCommand, triggerId } from '../support/slack.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';

/* Every row of the table of commands, over signed HTTP and over Socket Mode, each delivered twice and typed twice. */

let bots: Bots;
let socket: SocketModeSlack;
let url: string;

before(async () => {
  [bots, socket] = await Promise.all([prepareBots(), startSocketModeSlack()]);
  const changes = { access: { admins: ['U0ADMIN'], guests: true } };
  url = urlOf(await bots.start({}, changes));
  const overSocket = { SLACK_MODE: 'socket', SLACK_BOT_TOKEN: 'xoxb-test', SLACK_APP_TOKEN: 'xapp-test' };
  await bots.start({ ...overSocket, SLACK_API_URL: socket.apiUrl }, changes);
});
after(async () => {
  await bots.close();
  await socket.close();
});

const person = { userId: 'U0ADMIN', userName: 'ada' };

/** What changes nothing, and may show something else a moment later. */
const looks: ReadonlySet<string> = new Set([
  ...['kubeconfig', 'verify', 'diagnose', 'status', 'list', 'dashboard', 'logs', 'audit', 'whoami'],
]);

/** As Slack sends what people pick from its lists. */
const asSent = (example: string): string =>
  example
    .replace(/@group/, '<!subteam^S0GROUP|@group>')
    .replace(/(?<!\S)@\w+/, '<@U0BOB>')
    .replace(/#\w+/, '<#C0DEMOS>');

/** Sends a command; resolves with what is shown at once. */
type Say = (text: string, trigger: string) => Promise<object>;

const ways: [string, Say][] = [
  [
    'over signed HTTP',
    async (text, trigger) => {
      const command = { ...person, channelId: 'C0DEMOS', text, triggerId: trigger };
      const { status, body } = await slackCommand(url, bots.slack.signingSecret, command);
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
        await bots.reset();
        const text = asSent(example);
        const trigger = triggerId();
        const [first, second] = [await say(text, trigger), await say(text, trigger)];
        const jobs = await bots.waiting();
        assert.deepEqual(first, second);
        assert.deepEqual(
          jobs.map((job) => job.name),
          queue ? [isQuestion ? 'question' : name] : [],
        );
        if (queue === 'verification' || isQuestion) assert.deepEqual(first, {});
        else assert.match(JSON.stringify(first), queue ? /"ephemeral"/ : /vcdemo/);
      });

      const isLook = looks.has(name) || isQuestion;
      test(`\`${name}\`, typed twice within a moment, ${isLook ? 'looks twice' : 'acts once and is answered both times'}`, async () => {
        await bots.reset();
        const [first, second] = [await say(asSent(example), triggerId()), await say(asSent(example), triggerId())];
        assert.equal((await bots.waiting()).length, queue ? (isLook ? 2 : 1) : 0);
        if (isLook) assert.deepEqual([first, second], [{}, {}]);
        else if (queue === 'verification') {
          assert.deepEqual(first, {});
          assert.match(JSON.stringify(second), /You sent this command a moment ago/);
        } else assert.deepEqual(second, first);
      });
    }
  });
