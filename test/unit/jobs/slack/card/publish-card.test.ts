import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRequestError } from '@slack/web-api';
import { seconds } from '../../../../../src/duration.js';
import { editEvery, openCard, type CardPlace } from '../../../../../src/jobs/slack/card/publish-card.js';
import { createLog } from '../../../../../src/log.js';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../../../../../src/slack-message.js';
import { NeverSent } from '../../../../../src/slack/fetch.js';
import { waitFor } from '../../../../support/wait-for.js';

const says = (text: string): SlackMessage => messageOfParagraphs([mrkdwn`${text}`]);

/** A Slack that fails with these errors, and what it was told. */
function slackThatFails({ posts = [], edits = [] }: { posts?: Error[]; edits?: Error[] }) {
  const said: string[] = [];
  let posted = 0;
  const answer = <Answer>(failure: Error | undefined, result: Answer): Promise<Answer> =>
    failure ? Promise.reject(failure) : Promise.resolve(result);
  const slack = {
    post(_to: unknown, { text }: SlackMessage) {
      said.push(`post ${text}`);
      return answer(posts.shift(), { channel: 'C1', ts: `1.${++posted}` });
    },
    update({ ts }: CardPlace, { text }: SlackMessage) {
      said.push(`edit ${ts} ${text}`);
      return answer(edits.shift(), undefined);
    },
  };
  return { slack, said };
}

function open(slack: Parameters<typeof openCard>[0]['slack'], place?: CardPlace, everyMs = 10) {
  const remembered: CardPlace[] = [];
  const card = openCard({
    ...{ slack, place, everyMs: () => everyMs },
    audience: { channelId: 'C1', userId: 'U1' },
    remember: (kept) => Promise.resolve(void remembered.push(kept)),
    log: createLog('test', 'silent'),
  });
  return { card, remembered };
}

const neverSent = () => new WebAPIRequestError(new NeverSent('connect ECONNREFUSED'));
const refused = (error: string) => new WebAPIPlatformError({ ok: false, error });

test('a card that could not be posted at the start is posted later, and then edited', async () => {
  const { slack, said } = slackThatFails({ posts: [neverSent(), neverSent()] });
  const { card, remembered } = open(slack);
  card.show(() => says('a'));
  await waitFor('the post', () => Promise.resolve(remembered.length === 1), { everyMs: 5 });
  await card.settle(says('end'));
  assert.deepEqual(said, ['post a', 'post a', 'post a', 'edit 1.3 end']);
  assert.deepEqual(remembered, [{ channel: 'C1', ts: '1.3' }]);
});

test('the last state is posted even if nothing could be posted before', async () => {
  const { slack, said } = slackThatFails({ posts: [neverSent()] });
  const { card } = open(slack, undefined, 60_000);
  card.show(() => says('a'));
  await waitFor('the first attempt', () => Promise.resolve(said.length === 1), { everyMs: 5 });
  await card.settle(says('end'));
  assert.deepEqual(said, ['post a', 'post end']);
});

for (const [what, error] of [
  ['an answer of 500', new WebAPIHTTPError(500, '', {})],
  ['no answer', new WebAPIRequestError(new Error('Slack does not answer'))],
] as const)
  test(`after ${what} to its post, a card shows nothing but its last state`, async () => {
    const { slack, said } = slackThatFails({ posts: [error] });
    const { card } = open(slack, undefined, 0);
    card.show(() => says('a'));
    await waitFor('the first attempt', () => Promise.resolve(said.length === 1), { everyMs: 5 });
    card.show(() => says('b'));
    await new Promise(setImmediate);
    await card.settle(says('end'));
    assert.deepEqual(said, ['post a', 'post end']);
  });

test("an earlier job's card is continued", async () => {
  const { slack, said } = slackThatFails({});
  const { card, remembered } = open(slack, { channel: 'C1', ts: '9.9' });
  await card.settle(says('end'));
  assert.deepEqual(said, ['edit 9.9 end']);
  assert.deepEqual(remembered, []);
});

test('a card that somebody deleted is posted anew once, which is remembered', async () => {
  const { slack, said } = slackThatFails({ edits: [refused('message_not_found')] });
  const { card, remembered } = open(slack, { channel: 'C1', ts: '9.9' });
  await card.settle(says('end'));
  assert.deepEqual(said, ['edit 9.9 end', 'post end']);
  assert.deepEqual(remembered, [{ channel: 'C1', ts: '1.1', replaced: true }]);
});

test('a card that was deleted a second time stays deleted', async () => {
  const { slack, said } = slackThatFails({ edits: [refused('message_not_found')] });
  const { card } = open(slack, { channel: 'C1', ts: '9.9', replaced: true });
  await card.settle(says('end'));
  assert.deepEqual(said, ['edit 9.9 end']);
});

test('a card that may no longer be edited is posted anew each time', async () => {
  const { slack, said } = slackThatFails({ edits: [refused('edit_window_closed'), refused('edit_window_closed')] });
  const { card, remembered } = open(slack, { channel: 'C1', ts: '9.9' });
  await card.settle(says('ready'));
  await card.settle(says('end'));
  assert.deepEqual(said, ['edit 9.9 ready', 'post ready', 'edit 1.1 end', 'post end']);
  assert.deepEqual(remembered, [
    { channel: 'C1', ts: '1.1' },
    { channel: 'C1', ts: '1.2' },
  ]);
});

test('the last state waits for an edit that is under way, and no older state follows it', async () => {
  let finishEdit: () => void = () => undefined;
  const said: string[] = [];
  const slack = {
    post: () => assert.fail('posted'),
    update: async (_place: unknown, { text }: SlackMessage) => {
      said.push(text);
      if (text === 'a') await new Promise<void>((resolve) => (finishEdit = resolve));
    },
  };
  const { card } = open(slack, { channel: 'C1', ts: '9.9' }, 0);
  card.show(() => says('a'));
  await waitFor('the edit', () => Promise.resolve(said.length === 1), { everyMs: 5 });
  card.show(() => says('b'));
  const settled = card.settle(says('end'));
  finishEdit();
  await settled;
  card.show(() => says('c'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(said, ['a', 'end']);
});

test('a last state that Slack does not take is an error, so that the job can be handed on', async () => {
  const { slack } = slackThatFails({ edits: [neverSent()] });
  const { card } = open(slack, { channel: 'C1', ts: '9.9' });
  await assert.rejects(card.settle(says('end')), /ECONNREFUSED/);
});

test('cards share the edits that Slack allows, and a long job edits less often', () => {
  assert.equal(editEvery(1, 0), seconds(3));
  assert.equal(editEvery(20, 0), seconds(26));
  assert.equal(editEvery(1, seconds(12)), seconds(3));
  assert.equal(editEvery(1, seconds(40)), seconds(10));
  assert.equal(editEvery(1, seconds(3600)), seconds(12));
  assert.equal(editEvery(2 ** 31, 0), seconds(120), 'a timer would end at once if it took longer than 25 days');
});
