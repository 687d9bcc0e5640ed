import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { openCard, type CardPlace } from '../../src/jobs/slack/card/publish-card.js';
import { createSlack, type Slack } from '../../src/jobs/slack/slack.js';
import { createLog } from '../../src/log.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { createSlackClient } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { peopleAround } from '../../src/slack/people.js';
import { botUserId, startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';

/* Every kind of conversation in which people use vcdemo: each works, or people read what is missing. */

const log = createLog('test', 'silent');
let workspace: SlackWorkspace;
let slack: Slack;
let direct: string;

before(async () => {
  workspace = await startSlack();
  const { botToken: token, apiUrl } = workspace;
  const client = createSlackClient({ token, apiUrl, observe: () => undefined, patienceMs: 5_000 });
  slack = createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
  direct = await workspace.directMessages(workspace.alice.userId);
});
after(() => workspace.close());
afterEach(() => workspace.withoutScope(undefined));

const says = (text: string) => messageOfParagraphs([mrkdwn`${text}`]);
const from = (channelId: string) => ({ channelId, userId: workspace.alice.userId, userName: 'alice' });
const textsIn = async (channel: string) => (await workspace.messages(channel)).map(({ text }) => text);
const repliesIn = async (channel: string) => (await workspace.replies(channel)).map(textOf);
const access = { viewers: [], users: [], channels: [], admins: [], guests: false };
const rules = { access, delivery: 'channel' } as const;
const file = (name: string) => ({ filename: `${name}.yaml`, content: 'x', title: name, comment: mrkdwn`the file` });
/** Alice creates a channel, which the bot is in if she invites it. */
async function create(name: string, { isPrivate = false, invites = false } = {}): Promise<string> {
  const channel = (await workspace.asAlice.conversations.create({ name, is_private: isPrivate })).channel!.id!;
  if (invites) await workspace.asAlice.conversations.invite({ channel, users: botUserId });
  return channel;
}

describe('in', () => {
  const places: Record<string, () => Promise<string>> = {
    'a public channel': () => Promise.resolve(workspace.channel),
    'a public channel that the bot joins by itself': () => create('open'),
    'a private channel with the bot': () => create('secret', { isPrivate: true, invites: true }),
    'the direct messages with the bot': () => Promise.resolve(direct),
    'a group’s direct messages with the bot': async () => {
      const users = [workspace.bob.userId, botUserId].join();
      return (await workspace.asAlice.conversations.open({ users })).channel!.id!;
    },
  };
  for (const [what, find] of Object.entries(places))
    test(`${what}, a card is posted and edited, its thread and answers to one person work`, async () => {
      const channel = await find();
      const card = await slack.post(from(channel), says('a card'));
      assert.equal(card.channel, channel);
      await slack.update(card, says(`the card in ${what}`));
      await slack.reply(card, from(channel), says('in its thread'));
      const before = workspace.ephemeral(workspace.alice.userId).length;
      await slack.whisper(from(channel), says('only for you'));
      assert.equal((await textsIn(channel)).filter((text) => text === `the card in ${what}`).length, 1);
      assert.ok((await repliesIn(channel)).some((text) => text.includes('in its thread')));
      assert.equal(workspace.ephemeral(workspace.alice.userId).length, before + 1);
    });
});

describe('the messages come directly, with the reason and what to do in their thread, from', () => {
  const places: Record<string, [prepare: () => Promise<string>, reason: RegExp]> = {
    'an archived channel': [
      async () => {
        const channel = await create('old', { invites: true });
        await workspace.asAlice.conversations.archive({ channel });
        return channel;
      },
      /is archived.*Unarchive it, or use vcdemo in another channel/,
    ],
    'a private channel without the bot': [
      async () => {
        const channel = await create('private', { isPrivate: true });
        workspace.refuseChannel(channel, 'channel_not_found');
        return channel;
      },
      /cannot see the conversation.*private.*invite it there with `\/invite @vcdemo`/,
    ],
    'direct messages between people': [
      () => Promise.resolve('D0BETWEEN'),
      /cannot see the conversation.*private or a direct message/,
    ],
    'a public channel that the bot may not join': [
      async () => {
        const channel = await create('closed');
        workspace.refuseChannel(channel, 'not_in_channel');
        return channel;
      },
      /is not in <#\w+>.*invite @vcdemo.*scope channels:join/i,
    ],
    'a channel in which apps may not write': [
      async () => {
        const channel = await create('announcements');
        workspace.refuseChannel(channel, 'restricted_action_read_only_channel');
        return channel;
      },
      /does not let apps write.*Ask its administrators to allow it/,
    ],
    'a channel that Slack refuses for a reason of its own': [
      async () => {
        const channel = await create('odd');
        workspace.refuseChannel(channel, 'team_access_not_granted');
        return channel;
      },
      /does not let vcdemo write.*team_access_not_granted.*Use another channel, or ask/,
    ],
  };
  for (const [what, [prepare, reason]] of Object.entries(places))
    test(what, async () => {
      const channel = await prepare();
      const posted = await slack.post(from(channel), says(`news from ${what}`));
      assert.equal(posted.channel, direct);
      await slack.whisper(from(channel), says(`an answer from ${what}`));
      const shared = await slack.shareFile(from(channel), file('kubeconfig'), rules);
      assert.equal(shared.to, workspace.alice.userId);
      const texts = await textsIn(direct);
      for (const text of [`news from ${what}`, `an answer from ${what}`])
        assert.equal(texts.filter((each) => each === text).length, 1);
      assert.ok((await repliesIn(direct)).some((text) => reason.test(text)));
    });
});

describe('a card', () => {
  const open = (place: CardPlace | undefined, remembered: CardPlace[] = []) =>
    openCard({
      ...{ slack, place, log, audience: from(workspace.channel), everyMs: () => 0 },
      remember: (kept) => Promise.resolve(void remembered.push(kept)),
    });

  test('that somebody deleted is posted anew once, which is remembered, and then stays deleted', async () => {
    const remembered: CardPlace[] = [];
    const first = await slack.post(from(workspace.channel), says('to be deleted'));
    await workspace.client.chat.delete(first);
    await open(first, remembered).settle(says('posted anew'));
    const [second, ...more] = remembered;
    assert.deepEqual([second?.replaced, more], [true, []]);
    await open(second).settle(says('edited in place'));
    assert.ok((await textsIn(workspace.channel)).includes('edited in place'));
    await workspace.client.chat.delete({ channel: second!.channel, ts: second!.ts });
    await open(second, remembered).settle(says('never shown'));
    assert.equal(remembered.length, 1);
    const texts = await textsIn(workspace.channel);
    assert.deepEqual(
      ['posted anew', 'edited in place', 'never shown'].filter((text) => texts.includes(text)),
      [],
    );
  });

  for (const [what, error, reason] of [
    ['that was archived meanwhile', 'is_archived', /is archived/],
    ['that was closed to apps meanwhile', 'restricted_action_read_only_channel', /does not let apps write/],
    ['that Slack no longer lets the bot use', 'team_access_not_granted', /team_access_not_granted/],
  ] as const)
    test(`in a channel ${what} continues in the direct messages, with the reason`, async () => {
      const channel = await create(`left-${error.slice(0, 10)}`, { invites: true });
      const place = await slack.post(from(channel), says('in the channel'));
      workspace.refuseChannel(channel, error);
      const remembered: CardPlace[] = [];
      const card = openCard({
        ...{ slack, place, log, audience: from(channel), everyMs: () => 0 },
        remember: (kept) => Promise.resolve(void remembered.push(kept)),
      });
      await card.settle(says(`continued after ${error}`));
      assert.deepEqual([remembered[0]?.channel, remembered[0]?.replaced], [direct, true]);
      assert.ok((await textsIn(direct)).includes(`continued after ${error}`));
      assert.ok((await repliesIn(direct)).some((text) => reason.test(text)));
    });
});

describe('a scope that is missing is named', () => {
  const acts: Record<string, () => Promise<unknown>> = {
    'chat:write': () => slack.post(from(workspace.channel), says('x')),
    'im:write': () => slack.tellPerson(workspace.alice.userId, says('x')),
    'users:read': async () => {
      const { botToken: token, apiUrl } = workspace;
      return await peopleAround(createSlackClient({ token, apiUrl, observe: () => undefined })).nameOf('U0ANY');
    },
    'usergroups:read': async () => {
      const { botToken: token, apiUrl } = workspace;
      return await peopleAround(createSlackClient({ token, apiUrl, observe: () => undefined })).isIn(
        'S0GROUP',
        'U0ANY',
      );
    },
  };
  for (const [scope, act] of Object.entries(acts))
    test(`${scope}, and what to do about it`, async () => {
      workspace.withoutScope(scope);
      await assert.rejects(act(), new RegExp(`missing the scope ${scope}: add it to the app .* install it again`));
    });

  test('files:write, with the file as text', async () => {
    workspace.withoutScope('files:write');
    await slack.sendFile(workspace.alice.userId, file('as-text'));
    assert.match((await workspace.messages(direct)).map(textOf).join(), /as-text\.yaml.*scope files:write/s);
  });

  test('channels:read, with which readers cannot be checked, so that the file goes to the person only', async () => {
    workspace.withoutScope('channels:read');
    const { to, withheld } = await slack.shareFile(from(workspace.channel), file('unchecked'), rules);
    assert.equal(to, workspace.alice.userId);
    assert.match(withheld ?? '', /missing the scope channels:read/);
  });

  test('channels:join, in the thread of the direct message', async () => {
    const channel = await create('unjoined');
    workspace.refuseChannel(channel, 'not_in_channel');
    workspace.withoutScope('channels:join');
    await slack.post(from(channel), says('not joined'));
    assert.ok((await repliesIn(direct)).some((text) => /with the scope channels:join it joins/.test(text)));
  });
});
