import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { editEvery, openCard } from '../../src/jobs/slack/card/publish-card.js';
import { createSlack } from '../../src/jobs/slack/slack.js';
import { createLog } from '../../src/log.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { createSlackClient } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { createPaces } from '../../src/slack/paces.js';
import { peopleAround } from '../../src/slack/people.js';
import { simulatedHost } from '../support/host.js';
import { startProduct } from '../support/product.js';
import { startRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* How often vcdemo calls Slack, which allows about 50 edits a minute and one message a second in a channel. */

const log = createLog('test', 'silent');
let slack: SlackWorkspace;

before(async () => {
  slack = await startSlack();
});
after(() => slack.close());

test('a create of one minute costs at most 25 calls', { timeout: 120_000 }, async () => {
  const [redis, host] = await Promise.all([startRedis(), simulatedHost(undefined)]);
  const tools = host.environment.PATH!.split(delimiter)[0]!;
  if (!process.env.PATH!.startsWith(tools)) process.env.PATH = host.environment.PATH!;
  const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
  const before = slack.calls.length;
  try {
    await product.say('create counted');
    await waitFor(
      'the card of a demo that is ready',
      async () =>
        (await slack.messages(slack.channel)).map(textOf).find((text) => /counted\*? of .* is ready/.test(text)),
      { withinMs: 90_000 },
    );
  } finally {
    await product.close();
    await Promise.all([redis.stop(), host.close()]);
  }
  const calls = slack.calls.slice(before).map(({ method }) => method);
  const others = calls.filter((method) => method !== 'chat.update');
  let edits = 1; // the last state
  for (let at = editEvery(1, 0); at < 60_000; at += editEvery(1, at)) edits++;
  assert.ok(others.length + edits <= 25, `${edits} edits and ${others.length} others: ${others.join(', ')}`);
  assert.ok(calls.length <= 25, calls.join(', '));
});

describe('twenty demos at once in one channel', () => {
  /** A minute of Slack's takes 600 ms here. */
  const scale = 100;
  const demos = Array.from({ length: 20 }, (_, index) => `demo-${index + 1}`);

  /** A worker's view of Slack; all its jobs share what it knows of limits. */
  function worker() {
    const { botToken: token, apiUrl } = slack;
    const paces = createPaces(() => 1_200 / scale);
    const client = createSlackClient({ token, apiUrl, paces, observe: () => undefined });
    return createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
  }

  test('each have one card, which ends with its last state, whatever Slack limits', { timeout: 60_000 }, async () => {
    slack.limit('chat.update', { calls: 50, perMs: 60_000 / scale });
    slack.limit('chat.postMessage', { calls: 1, perMs: 1_000 / scale, isPerChannel: true });
    const workers = [worker(), worker()];
    const first = slack.calls.length;
    const cards = demos.map((demo, index) => {
      let step = 0;
      const says = (what: string) => messageOfParagraphs([mrkdwn`${demo}: ${what}`]);
      const card = openCard({
        ...{ slack: workers[index % 2]!, place: undefined, log, remember: () => Promise.resolve() },
        audience: { channelId: slack.channel, userId: slack.alice.userId },
        everyMs: () => editEvery(demos.length, 0) / scale,
      });
      return {
        demo,
        show: () => card.show(() => says(`step ${++step}`)),
        settle: () => card.settle(says('ready')),
        isPosted: () => card.place() !== undefined,
        isEdited: () => step > 2,
      };
    });
    for (const { show } of cards) show();
    await waitFor('all cards', () => Promise.resolve(cards.every(({ isPosted }) => isPosted())), { everyMs: 10 });
    await waitFor(
      'edits of all cards',
      () => {
        for (const { show } of cards) show();
        return Promise.resolve(cards.every(({ isEdited }) => isEdited()));
      },
      { withinMs: 30_000, everyMs: 20 },
    );
    await Promise.all(cards.map(({ settle }) => settle()));
    const calls = slack.calls.slice(first);
    for (const method of ['chat.update', 'chat.postMessage']) slack.limit(method, undefined);

    const shown = (await slack.messages(slack.channel)).map(({ text }) => text);
    for (const demo of demos)
      assert.deepEqual(
        shown.filter((text) => text.startsWith(`${demo}: `)),
        [`${demo}: ready`],
      );
    // No older state takes the place of a newer one.
    for (const demo of demos) {
      const accepted = calls
        .filter(({ response, arguments: sent }) => response.ok && sent.text?.startsWith(`${demo}: `))
        .map((call) => Number(/step (\d+)/.exec(call.arguments.text!)?.[1] ?? Infinity));
      assert.deepEqual(
        accepted,
        accepted.toSorted((a, b) => a - b),
      );
    }
    // Otherwise nothing was tested.
    assert.ok(calls.some(({ response }) => response.error === 'limited'));
  });
});
