import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberOf, viewerOf } from '../../src/home-viewers.js';

test('a viewer of a Home is read back as written', () => {
  const viewer = { userId: 'U0ALICE', channelId: 'D0ALICE' };
  assert.deepEqual(viewerOf(memberOf(viewer)), viewer);
});

test('a viewer of a Home whose channel is no direct message is ignored, because its buttons would speak for the channel', () => {
  for (const member of ['U0MALLORY C0ADMINS', 'U0MALLORY G0ADMINS', 'U0MALLORY', 'D0ALICE D0ALICE', ''])
    assert.equal(viewerOf(member), undefined, member);
});
