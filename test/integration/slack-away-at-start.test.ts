import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import { botEnvironment } from '../support/environments.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { commandForm, signedHeaders } from '../support/slack-requests.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { startSocketModeSlack } from '../support/socket-mode.js';
import { waitFor } from '../support/wait-for.js';

/* The bot as a process that starts while Slack is away. */

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));

let redis: LocalRedis;
let slack: SlackWorkspace;
const started: RunningBot[] = [];

before(async () => {
  [redis, slack] = await Promise.all([startRedis(), startSlack()]);
});
afterEach(async () => {
  slack.setOutage(undefined);
  slack.rejectToken(undefined);
  slack.failCalls('auth.test', undefined);
  slack.limit('auth.test', undefined);
  for (const { bot } of started.splice(0)) {
    bot.kill('SIGKILL');
    await bot;
  }
});
after(() => Promise.all([redis.stop(), slack.close()]));

interface RunningBot {
  bot: ResultPromise<{ reject: false; extendEnv: false }>;
  url: string;
  lines: string[];
}

async function startBot(environment: Record<string, string> = {}): Promise<RunningBot> {
  const bot = execa(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env.PATH, ...botEnvironment({ slack, redis }), ...environment },
    extendEnv: false,
    reject: false,
  });
  const lines: string[] = [];
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: bot.stdout }).on('line', (line) => {
      lines.push(line);
      const found = /"port":(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void bot.then(({ stderr }) => reject(new Error(`The bot ended: ${stderr}`)));
  });
  const running = { bot, url: `http://127.0.0.1:${port}`, lines };
  started.push(running);
  return running;
}

const readiness = async ({ url }: RunningBot) => {
  const answer = await fetch(`${url}/readyz`);
  return `${answer.status} ${await answer.text()}`;
};
const ready = (running: RunningBot) =>
  waitFor('a ready bot', async () => (await readiness(running)) === '200 ok\n', { seen: () => running.lines });

async function say({ url }: RunningBot, text: string, changes: Record<string, string> = {}): Promise<string> {
  const body = commandForm(text, { user_id: slack.alice.userId, channel_id: slack.channel, ...changes });
  const headers = signedHeaders(slack.signingSecret, body);
  return await (await fetch(`${url}/slack/events`, { method: 'POST', headers, body })).text();
}

describe('a bot that starts while Slack is away', () => {
  for (const way of ['status', 'cut'] as const)
    it(`waits, says why, and works when Slack is back (${way})`, async () => {
      slack.setOutage(way);
      const running = await startBot();
      assert.match(await readiness(running), /^503 Slack: /);
      assert.equal((await fetch(`${running.url}/healthz`)).status, 200);
      assert.match(await say(running, 'help'), /Slack does not tell it yet where it is installed: .*Try again/);
      slack.setOutage(undefined);
      await ready(running);
      assert.match(await say(running, 'help'), /vcdemo create/);
      assert.match(await say(running, 'help', { team_id: 'T0ANOTHER' }), /another Slack workspace/);
    });

  it('waits for a rate limit, and says so once', async () => {
    slack.limit('auth.test', { calls: 1, perMs: 6_000 });
    await fetch(`${slack.apiUrl}auth.test`, { method: 'POST' });
    const running = await startBot();
    assert.match(await readiness(running), /^503 Slack: .*rate-limit/);
    await ready(running);
    assert.equal(running.lines.filter((line) => line.includes('retrying')).length, 1, running.lines.join('\n'));
  });

  it('ends with the reason as soon as Slack is back and rejects its token', async () => {
    slack.setOutage('status');
    const { bot } = await startBot();
    slack.rejectToken('account_inactive');
    slack.setOutage(undefined);
    const { exitCode, stderr } = await bot;
    assert.equal(exitCode, 1);
    assert.match(stderr, /Slack rejected this bot: .*account_inactive\n.*SLACK_BOT_TOKEN/);
  });

  it('stops at once when it is asked to', async () => {
    slack.setOutage('status');
    const { bot } = await startBot();
    bot.kill('SIGTERM');
    assert.equal((await bot).exitCode, 0);
  });

  it('waits in Socket Mode, too', async () => {
    const socket = await startSocketModeSlack();
    await socket.goAway();
    const running = await startBot({
      ...{ SLACK_MODE: 'socket', SLACK_APP_TOKEN: 'xapp-test', SLACK_API_URL: socket.apiUrl },
    });
    try {
      assert.match(await readiness(running), /^503 Slack: .*ECONNREFUSED/);
      await socket.comeBack();
      await ready(running);
    } finally {
      await socket.close();
    }
  });
});

for (const rejection of ['invalid_auth', 'not_authed', 'token_revoked', 'missing_scope'])
  describe(`a bot that Slack answers with ${rejection}`, () => {
    it('ends at once with the reason', async () => {
      slack.failCalls('auth.test', rejection);
      await assert.rejects(startBot(), new RegExp(`Slack rejected this bot: .*${rejection}`));
    });
  });
