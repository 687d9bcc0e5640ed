import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { KnownBlock } from '@slack/web-api';
import { hours } from '../../src/duration.js';
import { createLog } from '../../src/log.js';
import { createSlack, type Slack } from '../../src/jobs/slack/slack.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { createSlackClient } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { peopleAround } from '../../src/slack/people.js';
import { startSlack, type LostAnswer, type SlackWorkspace } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* What workers post to a Slack that loses responses and rejects files. */

let workspace: SlackWorkspace;
let slack: Slack;
let asked: { channelId: string; userId: string };

before(async () => {
  workspace = await startSlack();
  const { botToken: token, apiUrl } = workspace;
  const client = createSlackClient({ token, apiUrl, observe: () => undefined, timeoutMs: 5_000 });
  const log = createLog('test', 'silent');
  slack = createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
  asked = { channelId: workspace.channel, userId: workspace.alice.userId };
});
after(() => workspace.close());
afterEach(() => {
  for (const method of ['files.getUploadURLExternal', 'files.completeUploadExternal', 'files.delete'])
    workspace.failCalls(method, undefined);
});

const textsIn = async (channel: string) => (await workspace.messages(channel)).map(({ text }) => text);

describe('a message whose answer is lost', () => {
  for (const way of ['cut', 'status', 'silence'] as const) {
    test(`is posted exactly once more (${way})`, async () => {
      const text = `lost for ever: ${way}`;
      workspace.loseAnswers('chat.postMessage', Array<LostAnswer>(5).fill(way));
      await assert.rejects(slack.post(asked, messageOfParagraphs([mrkdwn`${text}`])));
      workspace.loseAnswers('chat.postMessage', []);
      assert.deepEqual(
        (await textsIn(workspace.channel)).filter((each) => each === text),
        [text, text],
      );
    });

    test(`is edited until it succeeds (${way})`, async () => {
      const posted = await slack.post(asked, messageOfParagraphs([mrkdwn`to be edited: ${way}`]));
      workspace.loseAnswers('chat.update', [way, way]);
      await slack.update(posted, messageOfParagraphs([mrkdwn`edited: ${way}`]));
      assert.equal((await textsIn(workspace.channel)).filter((text) => text === `edited: ${way}`).length, 1);
    });
  }

  test('has an id by which Slack may recognise it', async () => {
    workspace.loseAnswers('chat.postMessage', ['status']);
    const before = workspace.calls.length;
    await slack.post(asked, messageOfParagraphs([mrkdwn`known again`]));
    const ids = workspace.calls
      .slice(before)
      .filter(({ method }) => method === 'chat.postMessage')
      .map((call) => call.arguments.client_msg_id);
    assert.equal(ids.length, 2);
    assert.match(ids[0] ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(ids[0], ids[1]);
  });
});

describe('a Slack that at first', () => {
  for (const [what, way] of [
    ['limits calls', 'limited'],
    ['answers 500', 'broken'],
    ['cuts connections', 'cut'],
  ] as const)
    test(`${what} shows everything once, and the last state`, async () => {
      const says = (text: string) => messageOfParagraphs([mrkdwn`${text} (${way})`]);
      const card = await slack.post(asked, says('card'));
      const direct = await workspace.directMessages(asked.userId);
      const methods = ['chat.postMessage', 'chat.update', 'chat.postEphemeral', 'views.publish'];
      for (const method of [...methods, 'files.getUploadURLExternal', 'files.completeUploadExternal'])
        workspace.disturb(method, [way]);
      await Promise.all([
        slack.post(asked, says('news')),
        slack.update(card, says('edited')).then(() => slack.update(card, says('settled'))),
        slack.whisper({ ...asked, userName: 'alice' }, says('answer')),
        slack.publishHome(asked, says('Home').blocks),
        slack.sendFile(asked.userId, { filename: `${way}.txt`, content: 'x', title: 'x', comment: mrkdwn`file` }),
      ]);
      const texts = await textsIn(workspace.channel);
      const count = (text: string) => texts.filter((each) => each === `${text} (${way})`).length;
      assert.deepEqual(['card', 'edited', 'settled', 'news'].map(count), [0, 0, 1, 1]);
      const whispers = workspace.ephemeral(asked.userId).map(({ text }) => text);
      assert.equal(whispers.filter((text) => text === `answer (${way})`).length, 1);
      assert.match(JSON.stringify(workspace.views.homes.get(asked.userId)), new RegExp(`Home \\(${way}`));
      const files = (await workspace.files(direct)).map(({ name }) => name);
      assert.equal(files.filter((name) => name === `${way}.txt`).length, 1);
    });
});

describe('while a workspace is moved into an organization, a message', () => {
  for (const error of ['team_added_to_org', 'org_login_required', 'external_channel_migrating'])
    test(`waits, and is then posted in its channel once (${error})`, async () => {
      const message = messageOfParagraphs([mrkdwn`moved (${error})`]);
      workspace.failCalls('chat.postMessage', error);
      const before = workspace.calls.length;
      const posting = slack.post(asked, message);
      posting.catch(() => undefined);
      const refused = () => workspace.calls.slice(before).some(({ response }) => response.error === error);
      await waitFor('a refusal', () => Promise.resolve(refused()), { everyMs: 20 });
      workspace.failCalls('chat.postMessage', undefined);
      assert.equal((await posting).channel, asked.channelId);
      assert.equal((await textsIn(asked.channelId)).filter((text) => text === `moved (${error})`).length, 1);
    });
});

test('a file for whoever completes a demo whose card is in direct messages with somebody else goes to them alone', async () => {
  const { alice, bob } = workspace;
  const card = await slack.post(
    { channelId: await workspace.directMessages(alice.userId), userId: alice.userId },
    messageOfParagraphs([mrkdwn`card of Alice`]),
  );
  const file = { filename: 'completed.yaml', content: 'x', title: 'x', comment: mrkdwn`ready` };
  const access = { viewers: [], users: [], channels: [], admins: [], guests: false };
  const filesOf = async (userId: string) =>
    (await workspace.files(await workspace.directMessages(userId))).filter(({ name }) => name === file.filename).length;
  const byBob = { channelId: workspace.channel, userId: bob.userId };
  const sent = await slack.shareFile(byBob, file, { access, delivery: 'channel' }, card);
  assert.deepEqual([sent.to, await filesOf(alice.userId), await filesOf(bob.userId)], [bob.userId, 0, 1]);
  const byAlice = { channelId: card.channel, userId: alice.userId };
  const own = await slack.shareFile(byAlice, file, { access, delivery: 'channel' }, card);
  assert.deepEqual([own.to, await filesOf(alice.userId)], [alice.userId, 1]);
  const { arguments: completed } = workspace.calls.findLast(({ method }) => method === 'files.completeUploadExternal')!;
  assert.equal(completed.thread_ts, card.ts, 'hers is in the thread of the card');
});

describe('a message that Slack refuses because of its blocks', () => {
  afterEach(() => workspace.refuseBlocks([]));
  for (const error of ['invalid_blocks', 'msg_blocks_too_long', 'msg_too_long'])
    test(`is sent as text, and a card is edited to show its text (${error})`, async () => {
      const says = (text: string) => messageOfParagraphs([mrkdwn`${text} (${error})`]);
      const card = await slack.post(asked, says('working'));
      workspace.refuseBlocks(['section'], error);
      await slack.update(card, says('finished'));
      await slack.post(asked, says('news'));
      await slack.whisper({ ...asked, userName: 'alice' }, says('answer'));
      const texts = await textsIn(workspace.channel);
      assert.deepEqual(
        texts.filter((text) => text.includes(`(${error})`)),
        [`finished (${error})`, `news (${error})`],
      );
      assert.ok(workspace.ephemeral(asked.userId).some(({ text }) => text === `answer (${error})`));
      const edited = (await workspace.messages(workspace.channel)).find(({ ts }) => ts === card.ts);
      assert.doesNotMatch(JSON.stringify(edited?.blocks ?? []), /working/);
    });
});

describe('a file whose upload', () => {
  for (const [what, disturb] of [
    ['is limited when it is completed', () => workspace.disturb('files.completeUploadExternal', ['limited'])],
    ['is limited when its content is sent', () => workspace.disturb('upload', ['limited'])],
    ['is cut while its content is sent', () => workspace.disturb('upload', ['cut', 'broken'])],
  ] as const)
    test(`${what} is shown once`, async () => {
      const filename = `${what.replaceAll(' ', '-')}.txt`;
      disturb();
      await slack.sendFile(asked.userId, { filename, content: 'the content', title: 'x', comment: mrkdwn`file` });
      const files = await workspace.files(await workspace.directMessages(asked.userId));
      const sent = files.filter(({ name }) => name === filename);
      assert.deepEqual(
        sent.map(({ content }) => content),
        ['the content'],
      );
    });
});

describe('if Slack takes no files', () => {
  const content = Array.from({ length: 60 }, (_, line) => `line-${line}: ${'x'.repeat(300)}`).join('\n');
  const file = {
    filename: 'a.kubeconfig.yaml',
    content,
    title: 'kubeconfig of a',
    comment: mrkdwn`:tada: Demo *a* is ready`,
  };
  const access = { viewers: [], users: [], channels: [], admins: [], guests: false };
  const forAll = { access, delivery: 'channel' } as const;
  const codeOf = (blocks: KnownBlock[] = []) =>
    blocks.flatMap((block) =>
      block.type === 'rich_text'
        ? block.elements.flatMap((part) => part.elements.map((each) => ('text' in each ? String(each.text) : '')))
        : [],
    );

  for (const [method, error, reason] of [
    ['files.getUploadURLExternal', 'file_uploads_disabled', /file uploads are disabled in this Slack workspace/],
    ['files.completeUploadExternal', 'file_type_not_allowed', /does not allow files of this type/],
    ['files.getUploadURLExternal', 'not_allowed', /Slack answered not_allowed/],
    ['files.getUploadURLExternal', 'missing_scope', /scope files:write/],
    ['files.getUploadURLExternal', 'restricted_action', /Slack answered restricted_action/],
    ['files.getUploadURLExternal', 'enterprise_is_restricted', /Slack answered enterprise_is_restricted/],
    ['files.completeUploadExternal', 'invalid_arguments', /Slack answered invalid_arguments/],
  ] as const)
    test(`a kubeconfig is sent as text, and the channel gets the summary and the reason (${error})`, async () => {
      workspace.failCalls(method, error);
      const direct = await workspace.directMessages(asked.userId);
      const before = (await workspace.messages(direct)).length;
      await slack.shareFile(asked, file, forAll);
      const summary = (await workspace.messages(workspace.channel)).at(-1);
      assert.match(JSON.stringify(summary), /Demo \*a\* is ready/);
      assert.match(JSON.stringify(summary), reason);
      assert.doesNotMatch(JSON.stringify(summary), /line-/);
      const parts = (await workspace.messages(direct)).slice(before);
      assert.equal(parts.flatMap(({ blocks }) => codeOf(blocks)).join('\n'), content);
      for (const { text } of parts) assert.doesNotMatch(text, /line-/, 'a notification shows none of it');
    });

  test('a kubeconfig for a person is sent as text whatever the reason', async () => {
    const direct = await workspace.directMessages(asked.userId);
    for (const method of ['files.getUploadURLExternal', 'files.completeUploadExternal'])
      for (const error of ['restricted_action', 'no_permission', 'malware_detected', 'file_update_failed', 'x']) {
        workspace.failCalls(method, error);
        await slack.sendFile(asked.userId, { ...file, content: `${method}: ${error}` });
        workspace.failCalls(method, undefined);
        const [comment, text] = (await workspace.messages(direct)).slice(-2);
        assert.match(JSON.stringify(comment), new RegExp(`could not be attached: Slack answered ${error}`));
        assert.deepEqual(codeOf(text?.blocks), [`${method}: ${error}`]);
      }
  });

  test('a file for a channel in which apps must not write goes to the person', async () => {
    workspace.failCalls('files.completeUploadExternal', 'restricted_action');
    const direct = await workspace.directMessages(asked.userId);
    await slack.shareFile(asked, { ...file, content: 'theirs' }, forAll);
    assert.deepEqual(codeOf((await workspace.messages(direct)).at(-1)?.blocks), ['theirs']);
  });

  test('a kubeconfig is sent as text, with the reason, if the host for uploads cannot be reached', async () => {
    const { botToken: token, apiUrl } = workspace;
    const patience = { patienceMs: hours(12), uploadPatienceMs: 1_000 };
    const client = createSlackClient({ token, apiUrl, observe: () => undefined, ...patience });
    const log = createLog('test', 'silent');
    const patient = createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
    workspace.disturb('upload', Array<'cut'>(20).fill('cut'));
    const direct = await workspace.directMessages(asked.userId);
    await patient.shareFile(asked, { ...file, content: 'blocked' }, forAll);
    workspace.disturb('upload', []);
    assert.deepEqual(codeOf((await workspace.messages(direct)).at(-1)?.blocks), ['blocked']);
    const summary = (await workspace.messages(workspace.channel)).at(-1);
    assert.match(JSON.stringify(summary), /could not be attached: its upload to 127\.0\.0\.1:\d+ failed: /);
  });

  test('details stay in their thread', async () => {
    workspace.failCalls('files.getUploadURLExternal', 'file_uploads_disabled');
    const posted = await slack.post(asked, messageOfParagraphs([mrkdwn`the verdict`]));
    await slack.replyWithFile(posted, asked, file);
    const { arguments: sent } = workspace.calls.findLast(
      (call) => call.method === 'chat.postMessage' && call.arguments.channel === posted.channel,
    )!;
    assert.equal(sent.thread_ts, posted.ts);
    assert.match(sent.blocks!, /Demo \*a\* is ready/);
  });

  test('a personal kubeconfig is sent as text below its comment', async () => {
    workspace.failCalls('files.getUploadURLExternal', 'file_uploads_disabled');
    const direct = await workspace.directMessages(asked.userId);
    const before = (await workspace.messages(direct)).length;
    await slack.sendFile(asked.userId, { ...file, content: 'short' });
    const [comment, text, ...more] = (await workspace.messages(direct)).slice(before);
    assert.match(JSON.stringify(comment), /Demo \*a\* is ready.*It is below/);
    assert.deepEqual(codeOf(text?.blocks), ['short']);
    assert.deepEqual(more, []);
  });
});

describe('files that are to be deleted', () => {
  for (const [error, kept] of [
    ['file_not_found', []],
    ['file_deleted', []],
    ['cant_delete_file', ['F1', 'F2']],
  ] as const)
    test(`${kept.length === 0 ? 'are gone' : 'are reported as remaining'} if Slack answers ${error}`, async () => {
      workspace.failCalls('files.delete', error);
      assert.deepEqual(await slack.deleteFiles(['F1', 'F2']), kept);
    });
});
