import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { prepareBots, urlOf, type Bots } from '../support/bots.js';
import {
  mentionBot,
  openHome,
  pressButton,
  slackCommand,
  submitModal,
  triggerId,
  type Disturbance,
  type SlackWorkspace,
} from '../support/slack.js';
import { startSocketBridge } from '../support/socket-bridge.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';
import { waitFor } from '../support/wait-for.js';

/*
 * What people see of the form, Home, mentions and buttons while Slack limits calls, fails, or is slow, and while Redis hangs:
 * over signed HTTP and over Socket Mode.
 */

let bots: Bots;
let slack: SlackWorkspace;
let socket: SocketModeSlack;
let bridge: Awaited<ReturnType<typeof startSocketBridge>>;
const urls: Record<string, string> = {};
const ways = ['over signed HTTP', 'over Socket Mode'];
const disturbances: Record<string, Disturbance> = {
  'limits the call': 'limited',
  'answers 500': 'broken',
  'cuts the connection': 'cut',
};

before(async () => {
  bots = await prepareBots();
  ({ slack } = bots);
  socket = await startSocketModeSlack({ workspace: slack.apiUrl });
  bridge = await startSocketBridge(socket);
  urls[ways[0]!] = urlOf(await bots.start());
  await bots.start({ SLACK_MODE: 'socket', SLACK_APP_TOKEN: 'xapp-test', SLACK_API_URL: socket.apiUrl });
  urls[ways[1]!] = bridge.url;
});
after(async () => {
  await bridge.close();
  await bots.close();
  await socket.close();
});
afterEach(async () => {
  await bots.reset();
  for (const method of ['views.open', 'views.publish', 'chat.postEphemeral', 'chat.postMessage', 'response_url'])
    slack.disturb(method, []);
});

const jobNames = async () => (await bots.waiting()).map(({ name }) => name);
const callsOf = (method: string) => slack.calls.filter((call) => call.method === method);
const unique = () => triggerId().slice(4);

for (const way of ways)
  describe(`${way},`, () => {
    const url = () => urls[way]!;
    const type = (text: string, person = slack.alice) =>
      slackCommand(url(), slack.signingSecret, { ...person, channelId: slack.channel, text });
    const submit = (demo: string) => submitModal(url(), slack.signingSecret, slack.alice, slack.views.modal!, { demo });
    /** In the channel, or without a response_url at Home. */
    const press = async (actionId: string, value: string, responseUrl?: string) =>
      pressButton(url(), slack.signingSecret, {
        ...{ ...slack.alice, actionId, value, responseUrl },
        ...(responseUrl === undefined
          ? { channelId: undefined, homeChannel: await slack.directMessages(slack.alice.userId) }
          : { channelId: slack.channel }),
      });
    const mention = (text: string, eventId?: string) =>
      mentionBot(url(), slack.signingSecret, {
        ...{ ...slack.alice, channelId: slack.channel, text },
        ...(eventId !== undefined && { eventId }),
      });

    describe('the form', () => {
      for (const [what, disturbance] of Object.entries(disturbances))
        test(`gives way to help, without a second attempt, if Slack ${what}`, async () => {
          const before = callsOf('views.open').length;
          slack.disturb('views.open', [disturbance]);
          assert.match(JSON.stringify((await type('')).body), /vcdemo create/);
          assert.equal(callsOf('views.open').length, before + 1);
          assert.deepEqual(slack.views.modals, []);
        });

      for (const lost of ['cut', 'status'] as const)
        test(`is opened once if the answer is lost (${lost}), and help is shown`, async () => {
          slack.loseAnswers('views.open', [lost]);
          assert.match(JSON.stringify((await type('')).body), /vcdemo create/);
          assert.equal(slack.views.modals.length, 1);
        });

      test('gives way to help before a slow Slack answers', async () => {
        const release = slack.hold('views.open');
        assert.match(JSON.stringify((await type('')).body), /vcdemo create/);
        release();
        assert.equal(slack.views.modals.length, 1);
      });

      test('opens while Slack does not say who somebody is', async () => {
        const release = slack.hold('users.info');
        // Somebody whom this bot has not asked about yet.
        await type('', slack.bob);
        release();
        assert.equal(slack.views.modals.length, 1);
      });

      test('opens while Redis hangs, and keeps what was filled in when it is submitted', async () => {
        bots.redis.freeze();
        try {
          assert.deepEqual((await type('')).body, {});
          assert.equal(slack.views.modals.length, 1);
          const { body } = await submit(`h${unique()}`);
          assert.match(JSON.stringify(body), /"errors".*job queue \(Redis\)/);
        } finally {
          bots.redis.thaw();
        }
      });

      test('submitted again because the answer was late, is one job', async () => {
        await type('');
        const demo = `s${unique()}`.slice(0, 12);
        await waitFor('Redis', async () => (await submit(demo)).body.response_action === 'update');
        assert.match(JSON.stringify((await submit(demo)).body), new RegExp(`Creating demo \\*${demo}`));
        assert.deepEqual(await jobNames(), ['create']);
      });

      for (const [what, disturbance] of Object.entries(disturbances))
        test(`that a button cannot open because Slack ${what} is answered with the reason, once`, async () => {
          slack.disturb('views.open', [disturbance]);
          const response = slack.responseUrl();
          await press('form:0', 'create', response.url);
          assert.match(JSON.stringify(await response.next()), /did not open the form.*vcdemo create/);
          assert.equal(response.received.length, 1);
        });
    });

    describe('a mention', () => {
      for (const [what, disturbance] of Object.entries(disturbances))
        test(`is answered once although Slack ${what} at first`, async () => {
          const before = slack.ephemeral(slack.alice.userId).length;
          slack.disturb('chat.postEphemeral', [disturbance]);
          const eventId = `Ev${unique()}`;
          await Promise.all([mention('help', eventId), mention('help', eventId)]);
          await waitFor('the answer', async () => slack.ephemeral(slack.alice.userId).length > before);
          assert.equal(slack.ephemeral(slack.alice.userId).length, before + 1);
        });

      for (const lost of ['cut', 'status'] as const)
        test(`is answered once more if that answer may never have been posted (${lost}), and no third time`, async () => {
          const before = slack.ephemeral(slack.alice.userId).length;
          slack.loseAnswers('chat.postEphemeral', [lost]);
          await mention('help');
          const shown = () => slack.ephemeral(slack.alice.userId).slice(before);
          await waitFor('the second answer', async () => shown().length === 2);
          assert.equal(shown()[0]!.text, shown()[1]!.text);
        });

      test('is answered once by a slow Slack', async () => {
        const before = slack.ephemeral(slack.alice.userId).length;
        const release = slack.hold('chat.postEphemeral');
        await mention('help');
        await waitFor('the answer', async () => slack.ephemeral(slack.alice.userId).length > before);
        release();
        assert.equal(slack.ephemeral(slack.alice.userId).length, before + 1);
      });
    });

    describe('an answer to a click', () => {
      for (const [what, disturbance] of Object.entries(disturbances)) {
        test(`is shown once although Slack ${what} at first`, async () => {
          const response = slack.responseUrl();
          slack.disturb('response_url', [disturbance]);
          await press('dismiss:0', 'Demo stays.', response.url);
          assert.match(JSON.stringify(await response.next()), /Demo stays/);
          assert.deepEqual(
            response.received.map((each) => each.replace_original),
            [true],
          );
        });

        test(`at Home is posted once in the direct messages although Slack ${what} at first`, async () => {
          const text = `create "No ${unique()}"`;
          const shown = async () =>
            (await slack.messages(await slack.directMessages(slack.alice.userId))).filter((message) =>
              message.text.includes(text.slice(8, -1)),
            );
          slack.disturb('chat.postMessage', [disturbance]);
          await press('run:0', text);
          await waitFor('the answer', async () => (await shown()).length > 0);
          assert.equal((await shown()).length, 1);
        });
      }

      for (const lost of ['cut', 'status'] as const)
        test(`is the same if it is lost (${lost}) and sent again, so that it takes its own place`, async () => {
          const response = slack.responseUrl();
          slack.loseAnswers('response_url', [lost]);
          await press('dismiss:0', 'Demo stays.', response.url);
          await waitFor('the second answer', async () => response.received.length === 2);
          assert.deepEqual(response.received[0], response.received[1]);
          assert.equal(response.received[0]!.replace_original, true);
        });

      test('of a slow Slack is shown once', async () => {
        const response = slack.responseUrl();
        const release = slack.hold('response_url');
        await press('dismiss:0', 'Demo stays.', response.url);
        await response.next();
        release();
        assert.equal(response.received.length, 1);
      });

      test('that has expired changes nothing about the command', async () => {
        const response = slack.responseUrl({ fails: true });
        await press('confirmed:0', `delete x${unique().slice(0, 8)}`, response.url);
        await response.next();
        assert.deepEqual(await jobNames(), ['delete']);
      });
    });

    describe('the Home', () => {
      for (const [what, disturbance] of Object.entries(disturbances))
        test(`is filled by a worker although Slack ${what} at first`, async () => {
          slack.disturb('views.publish', [disturbance]);
          await openHome(url(), slack.signingSecret, slack.alice);
          await waitFor('its job', async () => (await jobNames()).includes('home'));
          assert.deepEqual(await jobNames(), ['home']);
        });

      for (const lost of ['cut', 'status'] as const)
        test(`is filled by a worker although the answer of Slack is lost (${lost})`, async () => {
          slack.loseAnswers('views.publish', [lost]);
          await openHome(url(), slack.signingSecret, slack.alice);
          await waitFor('its job', async () => (await jobNames()).includes('home'));
          assert.deepEqual(await jobNames(), ['home']);
        });

      test('is filled by a worker although Slack was slow to show that it will be', async () => {
        const release = slack.hold('views.publish');
        const before = callsOf('views.publish').length;
        await openHome(url(), slack.signingSecret, slack.alice);
        await waitFor('the first view', async () => callsOf('views.publish').length > before);
        release();
        await waitFor('its job', async () => (await jobNames()).includes('home'));
      });
    });
  });

describe('if Slack does not say who somebody is, the worker will ask: one job each', () => {
  const alice = () => slack.alice;
  const kinds: Record<string, (url: string) => Promise<unknown>> = {
    'a command': (url) =>
      slackCommand(url, slack.signingSecret, { ...alice(), channelId: slack.channel, text: 'create unasked' }),
    'a click': (url) =>
      pressButton(url, slack.signingSecret, {
        ...{ ...alice(), actionId: 'run:0', value: 'verify unasked', channelId: slack.channel },
        responseUrl: slack.responseUrl().url,
      }),
    'a form': async (url) => {
      await slackCommand(url, slack.signingSecret, { ...alice(), channelId: slack.channel, text: '' });
      await submitModal(url, slack.signingSecret, alice(), slack.views.modal!, { demo: 'unasked' });
    },
    'a mention': (url) =>
      mentionBot(url, slack.signingSecret, { ...alice(), channelId: slack.channel, text: 'verify unasked' }),
    'a Home': (url) => openHome(url, slack.signingSecret, alice()),
  };
  const faults: Record<string, () => () => void> = {
    ...Object.fromEntries(
      Object.entries(disturbances).map(([what, disturbance]) => [
        what,
        () => (
          slack.disturb('users.info', Array<Disturbance>(5).fill(disturbance)),
          () => slack.disturb('users.info', [])
        ),
      ]),
    ),
    'loses its answer': () => (
      slack.loseAnswers('users.info', Array<'cut'>(5).fill('cut')),
      () => slack.loseAnswers('users.info', [])
    ),
    'is slow': () => slack.hold('users.info'),
  };
  for (const [kind, send] of Object.entries(kinds))
    for (const [what, begin] of Object.entries(faults))
      test(`${kind}, because Slack ${what}`, async () => {
        // A new bot has not asked about anybody yet.
        const bot = await bots.start();
        const end = begin();
        try {
          await send(urlOf(bot));
          await waitFor('the job', async () => (await jobNames()).length > 0);
          assert.equal((await jobNames()).length, 1);
        } finally {
          end();
        }
      });
});

describe('over signed HTTP, while Redis is down,', () => {
  for (const [what, disturbance] of Object.entries(disturbances))
    test(`the Home says so although Slack ${what} at first`, async () => {
      const bot = await bots.start({ REDIS_URL: 'redis://127.0.0.1:1' });
      // The first shows that something is done, and is not repeated.
      slack.disturb('views.publish', [disturbance, disturbance]);
      await openHome(urlOf(bot), slack.signingSecret, slack.alice);
      await waitFor('the reason', async () =>
        /job queue \(Redis\)/.test(JSON.stringify(slack.views.homes.get(slack.alice.userId))),
      );
    });
});
