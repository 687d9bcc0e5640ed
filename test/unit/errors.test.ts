import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOf, UserError } from '../../src/errors.js';

test('an error for people has no secrets in its message or hint', () => {
  const error = new UserError('x', 'no xoxb-1-secret', { hint: 'use xoxb-2-secret' });
  assert.equal(error.message, 'no [Slack token removed]');
  assert.equal(error.hint, 'use [Slack token removed]');
});

test('whatever was thrown has a message', () => {
  assert.equal(messageOf(new Error('why')), 'why');
  assert.equal(messageOf('why'), 'why');
  assert.equal(messageOf(undefined), 'undefined');
});
