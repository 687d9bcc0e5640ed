import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { threadOf } from '../../../../src/bot/listeners/thread.js';

const [above, below] = ['1700000000.000100', '1700000000.000200'];

describe('a click is answered in a thread', () => {
  for (const [what, body] of Object.entries({
    'on a reply': { container: { message_ts: below, thread_ts: above }, message: { ts: below, thread_ts: above } },
    'on a reply that only one person sees': { container: { message_ts: below, thread_ts: above, is_ephemeral: true } },
    'on a reply of which only the message says so': {
      container: { message_ts: below },
      message: { ts: below, thread_ts: above },
    },
  }))
    test(what, () => assert.equal(threadOf(body), above));
});

describe('a click is answered in the channel', () => {
  for (const [what, body] of Object.entries({
    'on a message without replies': { container: { message_ts: above }, message: { ts: above } },
    'on a message with replies': { container: { message_ts: above }, message: { ts: above, thread_ts: above } },
    'at Home': { container: { type: 'view' } },
    'if Slack says something else': { container: { message_ts: above, thread_ts: 'x' } },
    'if Slack says nothing': undefined,
  }))
    test(what, () => assert.equal(threadOf(body), undefined));
});
