import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateLimit } from '../../../src/bot/rate-limit.js';
import { Refusal } from '../../../src/errors.js';

test('accepts as many commands per person and minute as are allowed, and says when the next is accepted', () => {
  let now = 0;
  const check = createRateLimit(2, () => now);
  check('U1');
  now = 10_000;
  check('U1');
  now = 20_000;
  assert.throws(
    () => check('U1'),
    (error: Refusal) => error.code === 'too-many-commands' && /in 40 s/.test(error.hint!),
  );
  check('U2');
  now = 60_001;
  check('U1');
});
