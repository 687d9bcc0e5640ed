import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import { jobKeys } from '../support/job-keys.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSocketModeSlack, type OpenFault, type SocketModeSlack } from '../support/socket-mode.js';
import { triggerId } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* The bot as a process in Socket Mode, and what Slack can do to its connection. */

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));

let redis: LocalRedis;
let slack: SocketModeSlack;
const started: RunningBot[] = [];

before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());
afterEach(async () => {
  for (const { bot } of started.splice(0)) {
    bot.kill('SIGKILL');
    await bot;
  }
  await slack.close();
});

interface RunningBot {
  bot: ResultPromise<{ reject: false; extendEnv: false }>;
  url: string;
  lines: string[];
}

async function startBot(fault?: OpenFault): Promise<RunningBot> {
  slack = await startSocketModeSlack();
  slack.failOpen(fault);
  const bot = execa(process.execPath, ['--import', 'tsx', main], {
    env: {
      PATH: process.env.PATH,
      SLACK_MODE: 'socket',
      ...jobKeys,
      SLACK_BOT_TOKEN: 'xoxb-test',
      SLACK_APP_TOKEN: 'xapp-test',
      SLACK_API_URL: slack.apiUrl,
      REDIS_URL: redis.url,
      PORT: '0',
    },
    extendEnv: false,
    reject: false,
  });
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: bot.stdout }).on('line', (line) => {
      lines.push(line);
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    void bot.then(({ stderr }) => reject(new Error(`The bot ended: ${stderr}`)));
  });
  const running = { bot, url: `http://127.0.0.1:${port}`, lines };
  started.push(running);
  return running;
}

const command = (text: string) =>
  slack.send('slash_commands', {
    command: '/vcdemo',
    text,
    user_id: 'U0ALICE',
    user_name: 'alice',
    channel_id: 'C0DEMOS',
    team_id: 'T0',
    trigger_id: triggerId(),
  });

/** Resolves with the text of /readyz once it has that status. */
async function readiness({ url, lines }: RunningBot, status: number): Promise<string> {
  return await waitFor(
    `/readyz to answer ${status}`,
    async () => {
      const answer = await fetch(`${url}/readyz`);
      return answer.status === status ? await answer.text() : undefined;
    },
    { withinMs: 60_000, everyMs: 100, seen: () => lines.slice(-5) },
  );
}

async function assertWorks(running: RunningBot): Promise<void> {
  await readiness(running, 200);
  assert.match(String((await command('create team-a')).payload?.text), /Creating demo team-a/);
}

test('in Socket Mode a command is answered over the socket, and health over HTTP', async () => {
  const running = await startBot();
  const { payload } = await command('create team-a');
  assert.equal(payload?.response_type, 'ephemeral');
  assert.match(String(payload.text), /Creating demo team-a/);
  await readiness(running, 200);
  assert.equal((await fetch(`${running.url}/slack/events`, { method: 'POST' })).status, 404);
  running.bot.kill('SIGTERM');
  assert.equal((await running.bot).exitCode, 0);
});

test('over the socket, too, unknown requests are answered in words, and another team is refused', async () => {
  await startBot();
  const click = { type: 'block_actions', user: { id: 'U0ALICE' }, actions: [{ action_id: 'old' }] };
  assert.match(JSON.stringify(await slack.send('interactive', { ...click, team: { id: 'T0' } })), /older version/);
  assert.match(
    JSON.stringify(await slack.send('interactive', { ...click, team: { id: 'T0FOREIGN' } })),
    /another Slack workspace/,
  );
  assert.deepEqual((await slack.send('interactive', { type: 'block_actions' })).payload ?? {}, {});
});

describe('the bot reconnects, and meanwhile reports that it is not ready,', () => {
  for (const [what, fault, reason] of [
    ['while Slack answers 500', { status: 500 }, /Slack: .*500/],
    ['while Slack limits it', { status: 429 }, /Slack: /],
    ['while something blocks its WebSockets', { url: 'ws://127.0.0.1:1/' }, /Slack: .*no WebSocket could be opened/],
    ['while Slack has an error of its own', { error: 'internal_error' }, /Slack: .*internal_error/],
  ] as const)
    test(what, async () => {
      const running = await startBot();
      await slack.connected();
      const { opens } = slack.counts;
      slack.failOpen(fault);
      (await slack.connected()).terminate();
      assert.match(await readiness(running, 503), /^Slack: /);
      await waitFor('three more attempts', () => Promise.resolve(slack.counts.opens >= opens + 3 || undefined), {
        withinMs: 60_000,
        everyMs: 50,
        seen: () => running.lines.slice(-5),
      });
      assert.match(await readiness(running, 503), reason);
      slack.failOpen(undefined);
      await assertWorks(running);
    });

  test('while Slack is down', async () => {
    const running = await startBot();
    await slack.connected();
    await slack.goAway();
    await waitFor('the reason', async () => /ECONNREFUSED/.test(await readiness(running, 503)) || undefined, {
      withinMs: 60_000,
      everyMs: 50,
      seen: () => running.lines.slice(-5),
    });
    await slack.comeBack();
    await assertWorks(running);
  });

  test('while Slack has too many connections from it', async () => {
    const running = await startBot();
    await slack.connected();
    slack.turnAway('too_many_websockets');
    const { connections } = slack.counts;
    (await slack.connected()).terminate();
    await waitFor('three attempts', () => Promise.resolve(slack.counts.connections >= connections + 3 || undefined), {
      withinMs: 60_000,
      everyMs: 50,
      seen: () => running.lines.slice(-5),
    });
    assert.match(await readiness(running, 503), /^Slack: Slack closed the connection: too_many_websockets/);
    slack.turnAway(undefined);
    await assertWorks(running);
  });
});

for (const reason of ['warning', 'refresh_requested'])
  test(`a connection that Slack closes with ${reason} is replaced`, async () => {
    const running = await startBot();
    const first = await slack.connected();
    await slack.disconnect(reason);
    assert.notEqual(await slack.connected(), first);
    await assertWorks(running);
  });

test('a token that Slack revokes ends the bot with the reason', async () => {
  const running = await startBot();
  await slack.connected();
  slack.failOpen({ error: 'invalid_auth' });
  (await slack.connected()).terminate();
  const { exitCode, stderr } = await running.bot;
  assert.equal(exitCode, 1);
  assert.match(stderr, /Slack rejected this bot: .*invalid_auth/);
  assert.match(stderr, /SLACK_APP_TOKEN/);
});

test('a token that Slack does not know keeps the bot from starting', () =>
  assert.rejects(startBot({ error: 'invalid_auth' }), /Slack rejected this bot: .*invalid_auth/));

test('a bot that starts while Slack is down waits for it', async () => {
  const running = await startBot({ status: 503 });
  assert.match(await readiness(running, 503), /^Slack: /);
  slack.failOpen(undefined);
  await assertWorks(running);
});
