import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { InputBlock } from '@slack/web-api';
import { hours } from '../../src/duration.js';
import { prepareBots, urlOf, type Bots, type ConfigChanges } from '../support/bots.js';
import {
  mentionBot,
  openHome,
  pressButton,
  slackCommand,
  submitModal,
  type SlackWorkspace,
  type ViewValues,
} from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* The form, mentions and Home, as far as the bot answers them, over signed HTTP. */

let bots: Bots;
let slack: SlackWorkspace;

before(async () => {
  const queues = ['provisioning', 'removal', 'verification', 'provisioning-us', 'verification-us', 'verification-eu'];
  bots = await prepareBots(queues);
  ({ slack } = bots);
});
after(() => bots.close());
afterEach(async () => {
  await bots.closeBots();
  await bots.reset();
  for (const method of ['views.open', 'views.publish']) slack.failCalls(method, undefined);
});

const start = async ({ redisUrl = bots.redis.url, ...changes }: ConfigChanges & { redisUrl?: string } = {}) =>
  urlOf(await bots.start({ REDIS_URL: redisUrl }, changes));

interface Waiting {
  name: string;
  queue: string;
  demo?: string;
  ttlMs?: number;
  byMs?: number;
  ofThread?: boolean;
  requester: { userId: string; channelId: string; thread?: string };
}
const waiting = async (): Promise<Waiting[]> =>
  (await bots.waiting()).map((job) => ({
    ...(job.data as Omit<Waiting, 'name' | 'queue'>),
    name: job.name,
    queue: job.queueName,
  }));

const type = (url: string, text: string) =>
  slackCommand(url, slack.signingSecret, { ...slack.alice, channelId: slack.channel, text });
const submit = (url: string, values: ViewValues = {}) =>
  submitModal(url, slack.signingSecret, slack.alice, slack.views.modal!, values);
const fields = () => slack.views.modal!.view.blocks.filter((block) => block.type === 'input') as InputBlock[];

describe('the form', () => {
  test('opens on the bare command, with the default lifetime, and nothing else is shown', async () => {
    const answer = await type(await start(), ' ');
    assert.deepEqual(answer.body, {});
    assert.deepEqual(
      fields().map(({ block_id }) => block_id),
      ['demo', 'ttlMs'],
    );
    assert.equal((fields()[1]?.element as { initial_value?: string }).initial_value, '8h');
    assert.deepEqual(await waiting(), []);
  });

  test('opens while Redis is down, and says so when it is submitted, keeping what was filled in', async () => {
    const url = await start({ redisUrl: 'redis://127.0.0.1:1' });
    assert.deepEqual((await type(url, '')).body, {});
    const { body } = await submit(url, { demo: 'team-a' });
    assert.equal(body.response_action, 'errors');
    assert.match(body.errors?.demo ?? '', /job queue \(Redis\)/);
  });

  test('submitted, is the command, once, in the channel where it was opened', async () => {
    const url = await start();
    await type(url, '');
    const answers = await Promise.all([
      submit(url, { demo: 'team-a', ttlMs: '4h' }),
      submit(url, { demo: 'team-a', ttlMs: '4h' }),
    ]);
    const [job, ...more] = await waiting();
    assert.deepEqual([job?.name, job?.demo, job?.ttlMs, more], ['create', 'team-a', hours(4), []]);
    assert.equal(job?.requester.channelId, slack.channel);
    for (const { body } of answers) assert.match(JSON.stringify(body), /"update".*Creating demo \*team-a\*/);
  });

  test('says at each field what is wrong with it, as for the typed command', async () => {
    const url = await start();
    await type(url, '');
    const { body } = await submit(url, { demo: 'My Demo', ttlMs: 'soon' });
    assert.equal(body.response_action, 'errors');
    assert.match(body.errors?.demo ?? '', /"My Demo" cannot be the name of a demo/);
    assert.match(body.errors?.ttlMs ?? '', /"soon" is not a lifetime/);
    assert.deepEqual(await waiting(), []);
  });

  for (const demo of ['--ttl 5m', '<@U123>', 'a; delete b', '"', '-x'])
    test(`takes ${demo} for a bad name, not for a part of a command`, async () => {
      const url = await start();
      await type(url, '');
      const { body } = await submit(url, { demo });
      assert.deepEqual(Object.keys(body.errors ?? {}), ['demo']);
      assert.deepEqual(await waiting(), []);
    });

  test('offers the host clusters if there are several', async () => {
    const url = await start({ clusters: ['eu', 'us'] });
    await type(url, '');
    await submit(url, { demo: 'a', on: 'us' });
    assert.deepEqual(
      (await waiting()).map(({ queue, demo }) => [queue, demo]),
      [['provisioning-us', 'a']],
    );
  });

  test('opened at Home, asks for the channel, and takes the direct messages without one', async () => {
    const url = await start();
    const create = {
      ...slack.alice,
      actionId: 'form:0',
      value: 'create',
      channelId: undefined,
      responseUrl: undefined,
    };
    await pressButton(url, slack.signingSecret, create);
    slack.views.modal!.view.private_metadata = 'D0ALICE';
    await submit(url, { demo: 'a', channel: slack.channel });
    await submitModal(url, slack.signingSecret, slack.alice, { ...slack.views.modal!, id: 'VOTHER' }, { demo: 'b' });
    assert.deepEqual((await waiting()).map(({ demo, requester }) => [demo, requester.channelId]).toSorted(), [
      ['a', slack.channel],
      ['b', 'D0ALICE'],
    ]);
  });

  test('refuses a channel that the person has not joined, at its field', async () => {
    const url = await start();
    const atHome = { ...slack.alice, channelId: undefined, responseUrl: undefined };
    await pressButton(url, slack.signingSecret, { ...atHome, actionId: 'form:0', value: 'create' });
    const { body } = await submit(url, { demo: 'a', channel: 'C0ADMINS' });
    assert.match(body.errors?.channel ?? JSON.stringify(body), /cannot see that you are in this channel/);
    assert.deepEqual(await waiting(), []);
  });

  test('gives way to help if Slack does not open it', async () => {
    slack.failCalls('views.open', 'expired_trigger_id');
    const { body } = await type(await start(), '');
    assert.match(JSON.stringify(body.blocks), /vcdemo create/);
  });

  test('does not open for somebody who may not create', async () => {
    await type(await start({ access: { users: ['U0OTHER'] } }), '');
    assert.equal(slack.views.modal, undefined);
  });
});

describe('a mention', () => {
  const mention = (url: string, text: string, options: { thread?: string; eventId?: string; ts?: string } = {}) =>
    mentionBot(url, slack.signingSecret, { ...slack.alice, channelId: slack.channel, text, ...options });
  const whispers = () => slack.calls.filter(({ method }) => method === 'chat.postEphemeral');

  test('in a thread without a name means the demo of the card above', async () => {
    await mention(await start(), 'verify', { thread: '1700000000.000100' });
    const [job] = await waitFor('a job', async () => ((await waiting()).length > 0 ? await waiting() : undefined));
    assert.deepEqual([job?.name, job?.ofThread, job?.requester.thread], ['verify', true, '1700000000.000100']);
  });

  test('in a thread with all words but the name means that demo, too', async () => {
    await mention(await start(), 'extend 4h', { thread: '1700000000.000100' });
    const [job] = await waitFor('a job', async () => ((await waiting()).length > 0 ? await waiting() : undefined));
    assert.deepEqual([job?.name, job?.ofThread, job?.byMs], ['extend', true, hours(4)]);
  });

  test('in a thread with a name means that demo', async () => {
    await mention(await start(), 'verify team-b', { thread: '1700000000.000100' });
    const [job] = await waitFor('a job', async () => ((await waiting()).length > 0 ? await waiting() : undefined));
    assert.deepEqual([job?.demo, job?.ofThread], ['team-b', undefined]);
  });

  test('that Slack delivers again is one job and one answer', async () => {
    const url = await start();
    const before = whispers().length;
    for (let delivery = 0; delivery < 2; delivery++) {
      await mention(url, 'help', { eventId: 'Ev1', ts: '1700000000.000200' });
      await mention(url, 'list', { eventId: 'Ev2', ts: '1700000000.000300' });
    }
    await waitFor('the job', async () => (await waiting()).length > 0 || undefined);
    await waitFor('the answer', () => Promise.resolve(whispers().length > before || undefined));
    assert.equal((await waiting()).length, 1);
    assert.equal(whispers().length, before + 1);
    assert.equal(whispers().at(-1)?.arguments.thread_ts, '1700000000.000200');
  });

  test('of a command that does not exist is answered with the closest one, in the thread', async () => {
    const before = whispers().length;
    await mention(await start(), 'verfy', { thread: '1700000000.000100' });
    await waitFor('the answer', () => Promise.resolve(whispers().length > before || undefined));
    assert.match(whispers().at(-1)?.arguments.text ?? '', /There is no command "verfy".*verify/);
    assert.equal(whispers().at(-1)?.arguments.thread_ts, '1700000000.000100');
  });

  test('by a guest is refused in words', async () => {
    slack.changePerson(slack.bob.userId, { is_restricted: true });
    const before = whispers().length;
    await mentionBot(await start(), slack.signingSecret, { ...slack.bob, channelId: slack.channel, text: 'list' });
    await waitFor('the refusal', () => Promise.resolve(whispers().length > before || undefined));
    slack.changePerson(slack.bob.userId, {});
    assert.match(whispers().at(-1)?.arguments.text ?? '', /Guests of this workspace/);
    assert.deepEqual(await waiting(), []);
  });
});

describe('the Home', () => {
  test('shows something at once, and a worker is asked to fill it', async () => {
    await openHome(await start(), slack.signingSecret, slack.alice);
    const [job] = await waitFor('a job', async () => ((await waiting()).length > 0 ? await waiting() : undefined));
    assert.deepEqual([job?.name, job?.queue, job?.requester.channelId], ['home', 'verification', 'D0HOME']);
    assert.match(JSON.stringify(slack.views.homes.get(slack.alice.userId)), /Looking for your demos/);
    assert.deepEqual(await bots.connection.zrange('bull:home-viewers', '0', '-1'), [`${slack.alice.userId} D0HOME`]);
  });

  test('says that Redis is down', async () => {
    await openHome(await start({ redisUrl: 'redis://127.0.0.1:1' }), slack.signingSecret, slack.alice);
    await waitFor('the reason', () =>
      Promise.resolve(
        /job queue \(Redis\)/.test(JSON.stringify(slack.views.homes.get(slack.alice.userId))) || undefined,
      ),
    );
  });

  test('shows another host cluster at a click, and is then refreshed by its workers only', async () => {
    const url = await start({ clusters: ['eu', 'us'] });
    await openHome(url, slack.signingSecret, slack.alice);
    await waitFor('the first', async () => (await waiting()).length > 0 || undefined);
    const pressed = { ...slack.alice, actionId: 'home:0', value: 'us', channelId: undefined, responseUrl: undefined };
    slack.views.homes.get(slack.alice.userId)!.private_metadata = 'D0HOME';
    await pressButton(url, slack.signingSecret, { ...pressed, homeChannel: 'D0HOME' });
    await waitFor('the second', async () => (await waiting()).length > 1 || undefined);
    assert.deepEqual((await waiting()).map(({ queue }) => queue).toSorted(), ['verification-eu', 'verification-us']);
    assert.equal(await bots.connection.zcard('bull:home-viewers-eu'), 0);
    assert.equal(await bots.connection.zcard('bull:home-viewers-us'), 1);
  });

  test('is filled again at a click right after it was opened, but once for two clicks', async () => {
    const url = await start({ clusters: ['eu', 'us'] });
    await openHome(url, slack.signingSecret, slack.alice);
    await waitFor('the first', async () => (await waiting()).length > 0 || undefined);
    const pressed = { ...slack.alice, actionId: 'home:0', channelId: undefined, responseUrl: undefined };
    for (const value of ['us', 'eu', 'eu'])
      await pressButton(url, slack.signingSecret, { ...pressed, value, homeChannel: 'D0HOME' });
    await waitFor('all', async () => (await waiting()).length > 2 || undefined);
    assert.deepEqual((await waiting()).map(({ queue }) => queue).toSorted(), [
      'verification-eu',
      'verification-eu',
      'verification-us',
    ]);
  });

  test('that no worker fills says so: the first time in place of the demos, later at a click directly', async () => {
    const url = await start();
    const direct = await slack.directMessages(slack.alice.userId);
    await openHome(url, slack.signingSecret, slack.alice, direct);
    const home = () => JSON.stringify(slack.views.homes.get(slack.alice.userId));
    await waitFor(
      'the reason',
      () => Promise.resolve(/Your Home tab is still waiting for a worker.*home-[0-9a-f]{6}/.test(home()) || undefined),
      {
        withinMs: 20_000,
      },
    );
    const pressed = { ...slack.alice, actionId: 'home:0', value: '', channelId: undefined, responseUrl: undefined };
    await pressButton(url, slack.signingSecret, { ...pressed, homeChannel: direct });
    const said = async () => (await slack.messages(direct)).some(({ text }) => /waiting for a worker/.test(text));
    await waitFor('the direct message', async () => (await said()) || undefined, { withinMs: 20_000 });
  });

  test('takes no other channel than direct messages from what somebody may have published in its place', async () => {
    const url = await start({ access: { users: [], admins: ['C0ADMINS'] } });
    const pressed = { ...slack.alice, actionId: 'run:0', channelId: undefined, responseUrl: undefined };
    await pressButton(url, slack.signingSecret, { ...pressed, value: 'maintenance on', homeChannel: 'C0ADMINS' });
    await pressButton(url, slack.signingSecret, { ...pressed, value: 'verify a', homeChannel: slack.channel });
    await pressButton(url, slack.signingSecret, { ...pressed, value: 'verify b', homeChannel: 'D0HOME' });
    await waitFor('the job', async () => (await waiting()).length > 0 || undefined);
    assert.deepEqual(
      (await waiting()).map(({ demo, requester }) => [demo, requester.channelId]),
      [['b', 'D0HOME']],
    );
  });

  test('runs the commands of its buttons in the direct messages with the person', async () => {
    const url = await start();
    const pressed = {
      ...slack.alice,
      actionId: 'run:0',
      value: 'verify a',
      channelId: undefined,
      responseUrl: undefined,
    };
    await Promise.all([1, 2].map(() => pressButton(url, slack.signingSecret, { ...pressed, homeChannel: 'D0HOME' })));
    const jobs = await waiting();
    assert.deepEqual(
      jobs.map(({ name, demo, requester }) => [name, demo, requester.channelId]),
      [['verify', 'a', 'D0HOME']],
    );
  });
});

test('a command that no worker takes is told so, with its job', { timeout: 60_000 }, async () => {
  const response = slack.responseUrl();
  const url = await start();
  const place = { ...slack.alice, channelId: slack.channel, responseUrl: response.url };
  assert.deepEqual((await slackCommand(url, slack.signingSecret, { ...place, text: 'list' })).body, {});
  assert.match(JSON.stringify(await response.next()), /Your command is still waiting for a worker.*list-[0-9a-f]{6}/);
});

test('a command that Redis loses before a worker takes it is told so', { timeout: 60_000 }, async () => {
  const response = slack.responseUrl();
  const url = await start();
  const place = { ...slack.alice, channelId: slack.channel, responseUrl: response.url };
  await slackCommand(url, slack.signingSecret, { ...place, text: 'create lost' });
  await bots.connection.flushall();
  assert.match(
    JSON.stringify(await response.next()),
    /has lost your command.*give your command again.*create-lost-[0-9a-f]{6}/,
  );
});
