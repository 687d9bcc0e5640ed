import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readDemoConfig } from '../../../../../src/config.js';
import { sendEvidence } from '../../../../../src/jobs/commands/diagnose/evidence-file.js';
import type { SharingRules, Slack } from '../../../../../src/jobs/slack/slack.js';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import type { SlackMessage } from '../../../../../src/slack-message.js';
import { plannedDemo } from '../../../../support/planned-demo.js';
import { textOf } from '../../../../support/stack.js';

const config = readDemoConfig(undefined);
const posted = { channel: 'C0DEMOS', ts: '1.1' };
const file = { filename: 'a.tar.gz', content: '', title: 'a', comment: mrkdwn`a` };
const to = { userId: 'U0ALICE', channelId: 'C0DEMOS' };

/** Sends evidence to a channel that must not have it for that reason, if any. */
async function send(withheld: string | undefined, revoked: string[] = []) {
  const shared: SharingRules[] = [];
  const said: string[] = [];
  const slack = {
    shareFile: (_to: unknown, _file: unknown, rules: SharingRules, thread: unknown) => {
      assert.deepEqual(thread, posted);
      shared.push(rules);
      return Promise.resolve({ ids: [], to: 'C0DEMOS', withheld });
    },
    reply: (place: unknown, _to: unknown, message: SlackMessage) => {
      assert.deepEqual(place, posted);
      said.push(textOf(message));
      return Promise.resolve();
    },
  } as unknown as Slack;
  const demo = { ...plannedDemo({ name: 'a', now: new Date() }), revoked };
  await sendEvidence({ slack, config }, demo, posted, to, file);
  return { shared, said };
}

describe('the evidence about a demo', () => {
  test('is in the thread if everybody there may use demos', async () => {
    const { shared, said } = await send(undefined, ['U0BOB']);
    assert.deepEqual(shared, [{ access: config.access, delivery: 'channel', revoked: ['U0BOB'] }]);
    assert.deepEqual(said, []);
  });

  test('goes to the person alone if outsiders can read the channel, and the thread says why', async () => {
    const { said } = await send('guests can read this channel');
    assert.match(said.join(), /sent only to <@U0ALICE>, because guests can read this channel/);
  });

  test('is not sent to somebody whose access was revoked', async () => {
    assert.deepEqual(await send(undefined, ['U0ALICE']), { shared: [], said: [] });
  });
});
