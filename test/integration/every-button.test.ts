import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { AnyBlock } from '@slack/web-api';
import { isJobCommand } from '../../src/commands/job-payloads.js';
import { commands, isCommandName, type CommandName } from '../../src/commands/table.js';
import { prepareBots, urlOf, type Bots } from '../support/bots.js';
import { everyMessage, type Content, type Shown } from '../support/every-message.js';
import { pressButton, submitModal, type Response, type SlackWorkspace } from '../support/slack.js';
import { startSocketBridge } from '../support/socket-bridge.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';
import { buttonsOf, type Button } from '../support/timeline.js';
import { waitFor } from '../support/wait-for.js';

/* Every button and every entry of a menu of every message, clicked twice: it acts once and is answered both times. */

interface Found extends Button {
  /** The message that has it. */
  of: string;
  isAtHome: boolean;
}

/** The different buttons of all messages, whatever state a demo is in. */
function everyButton(): Found[] {
  const found = new Map<string, Found>();
  for (let turn = 0; turn < 60; turn++)
    for (const [of, show] of Object.entries(everyMessage(contentOf(turn)))) {
      const shown = show();
      for (const button of buttonsOf({ blocks: blocksOf(shown) })) {
        const [action = ''] = button.actionId.split(':');
        const key = [action, button.value, button.isMenu, 'home' in shown].join(' ');
        if (!found.has(key)) found.set(key, { ...button, of, isAtHome: 'home' in shown });
      }
    }
  return [...found.values()];
}

/** One demo on the only host cluster; what is picked differs from turn to turn. */
function contentOf(turn: number): Content {
  let picks = turn;
  return {
    text: () => 'x',
    name: () => 'team-a',
    person: () => 'U0A',
    list: (make) => [make(), make()],
    many: (make) => [make(), make()],
    pick: (from) => from[(picks++ * 7 + turn) % from.length]!,
    count: () => 60_000,
  };
}

const blocksOf = (shown: Shown): AnyBlock[] =>
  'blocks' in shown ? (shown.blocks as AnyBlock[]) : 'home' in shown ? (shown.home as AnyBlock[]) : [];

/** Those of a bot with several host clusters name one, and do the same. */
const everything = everyButton().filter(
  ({ value, actionId }) => !value.includes('--on') && !(actionId.startsWith('home:') && value !== ''),
);
const commandIn = ({ value }: Found): CommandName => {
  const [name = ''] = value.split(' ');
  assert.ok(isCommandName(name), value);
  return name;
};

let bots: Bots;
let slack: SlackWorkspace;
let socket: SocketModeSlack;
let bridge: Awaited<ReturnType<typeof startSocketBridge>>;
const urls: Record<string, string> = {};

before(async () => {
  bots = await prepareBots();
  ({ slack } = bots);
  socket = await startSocketModeSlack({ workspace: slack.apiUrl });
  bridge = await startSocketBridge(socket);
  urls['over signed HTTP'] = urlOf(await bots.start());
  await bots.start({ SLACK_MODE: 'socket', SLACK_APP_TOKEN: 'xapp-test', SLACK_API_URL: socket.apiUrl });
  urls['over Socket Mode'] = bridge.url;
});
after(async () => {
  await bridge.close();
  await bots.close();
  await socket.close();
});
afterEach(() => bots.reset());

test('the buttons are those of all commands that have one', () => {
  const named = new Set(everything.filter(({ actionId }) => /^(run|confirmed):/.test(actionId)).map(commandIn));
  const expected = ['audit', 'cancel', 'create', 'dashboard', 'delete', 'diagnose', 'extend', 'help', 'kubeconfig'];
  const others = ['logs', 'pause', 'resume', 'revoke', 'share', 'status', 'transfer', 'verify'];
  assert.deepEqual([...named].toSorted(), [...expected, ...others]);
  const actions = new Set(everything.map(({ actionId }) => actionId.split(':')[0]));
  assert.deepEqual([...actions].toSorted(), ['confirmed', 'dismiss', 'form', 'home', 'run']);
});

for (const way of ['over signed HTTP', 'over Socket Mode'])
  describe(`${way}, two clicks`, () => {
    const waiting = async () => (await bots.waiting()).map(({ name }) => name);
    /** Clicks twice within a moment; resolves with all that the person is answered in the channel. */
    async function clickTwice({ actionId, value, isMenu = false, isAtHome }: Found): Promise<Response[]> {
      const response = slack.responseUrl();
      const direct = await slack.directMessages(slack.alice.userId);
      const place = isAtHome
        ? { channelId: undefined, responseUrl: undefined, homeChannel: direct }
        : { channelId: slack.channel, responseUrl: response.url };
      const before = slack.calls.length;
      for (let click = 0; click < 2; click++)
        await pressButton(urls[way]!, slack.signingSecret, { ...slack.alice, actionId, value, isMenu, ...place });
      const posted = () =>
        slack.calls
          .slice(before)
          .flatMap(({ method, arguments: { text = '' } }) => (method === 'chat.postMessage' ? [{ text }] : []));
      const answers = () => (isAtHome ? posted() : response.received);
      const isSilent = actionId.startsWith('form:') || actionId.startsWith('home:') || value.includes('<@U0>');
      // The first click on what only looks is answered by its worker.
      const expected = isSilent ? 0 : await expectedAnswers(actionId, value);
      await waitFor('the answers', () => Promise.resolve(answers().length >= expected), { seen: answers });
      return answers();
    }

    const expectedAnswers = async (actionId: string, value: string): Promise<number> => {
      if (!actionId.startsWith('run:')) return 2;
      const [name = ''] = value.split(' ');
      const isQuick = isCommandName(name) && 'queue' in commands[name] && (await waiting()).some((job) => isLook(job));
      if ((await waiting()).includes('question')) return 0;
      return isQuick ? 1 : 2;
    };
    const isLook = (job: string) =>
      job === 'question' || (isCommandName(job) && 'queue' in commands[job] && commands[job].queue === 'verification');

    for (const button of everything) {
      const { label, of, actionId, value, isAtHome } = button;
      test(`on “${label}” (\`${value}\`) of ${of}${isAtHome ? '' : ', in a channel,'} act once`, async () => {
        const answers = (await clickTwice(button)).map(({ text }) => text);
        const jobs = await waiting();
        const action = actionId.split(':')[0];
        if (action === 'dismiss') {
          assert.deepEqual(jobs, []);
          assert.deepEqual(answers, [value, value]);
        } else if (action === 'home') {
          // It is put on the queue after the acknowledgement.
          await waitFor('the job', async () => (await waiting()).length > 0);
          assert.deepEqual(await waiting(), ['home']);
        } else if (action === 'form' || value.includes('<@U0>')) {
          assert.deepEqual(jobs, []);
          assert.equal(slack.views.modals.length, 2);
          const filled = { demo: 'team-b', person: slack.bob.userId };
          for (const modal of [...slack.views.modals])
            await submitModal(urls[way]!, slack.signingSecret, slack.alice, modal, filled);
          assert.deepEqual(await waiting(), [action === 'form' ? 'create' : commandIn(button)]);
        } else {
          const name = commandIn(button);
          if (!isJobCommand(name)) return assert.deepEqual([jobs, answers.length], [[], 2]);
          // A question may be asked twice: only its answer acts.
          if (jobs.includes('question')) return assert.deepEqual(jobs, ['question', 'question']);
          assert.equal(jobs.length, 1, jobs.join());
          if (answers.length === 2 && action === 'run') assert.equal(answers[0], answers[1]);
          if (answers.length === 1) assert.match(answers[0] ?? '', /You sent this command a moment ago/);
        }
      });
    }
  });
