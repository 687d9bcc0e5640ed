import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { botEnvironment } from '../support/environments.js';

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));

let redis: LocalRedis;
let slack: SlackWorkspace;
before(async () => {
  [redis, slack] = await Promise.all([startRedis(), startSlack()]);
});
after(() => Promise.all([redis.stop(), slack.close()]));

const run = (env: Record<string, string>) =>
  execa(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env.PATH, ...env },
    extendEnv: false,
    reject: false,
    killSignal: 'SIGKILL',
    timeout: 30_000,
  });

test('the bot names all invalid settings on standard error and exits with 1', async () => {
  const { exitCode, stderr } = await run({ PORT: 'x', REDIS_URL: 'http://wrong' });
  assert.equal(exitCode, 1);
  for (const setting of ['PORT', 'REDIS_URL', 'SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'])
    assert.ok(stderr.includes(setting), stderr);
});

test('the bot exits with 0 on SIGTERM', async () => {
  const bot = run(botEnvironment({ slack, redis }));
  for await (const line of bot) if (line.includes('"port":')) bot.kill('SIGTERM');
  assert.equal((await bot).exitCode, 0);
});
