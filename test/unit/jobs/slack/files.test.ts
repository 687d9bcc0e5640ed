import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiversOf } from '../../../../src/jobs/slack/files.js';

const owner = { id: 'U1', name: 'alice' };

test('after a revoke, the same users and channels as before get new kubeconfigs', () => {
  const files = [
    { id: 'F1', to: 'C1' },
    { id: 'F2', to: 'U2', user: 'u-bob-u2' },
    { id: 'F3', to: 'C1' },
  ];
  assert.deepEqual(receiversOf({ files, revoked: [], owner }), [{ to: 'C1' }, { to: 'U2', user: 'u-bob-u2' }]);
});

test('nobody whose access was revoked gets a new kubeconfig', () => {
  const files = [{ id: 'F1', to: 'U2', user: 'u-bob-u2' }];
  assert.deepEqual(receiversOf({ files, revoked: ['U2'], owner }), []);
});

test('a file that was recorded without its user is replaced under the known name, or only the ID', () => {
  const files = [
    { id: 'F1', to: 'U1' },
    { id: 'F2', to: 'U2' },
  ];
  assert.deepEqual(
    receiversOf({ files, revoked: [], owner }).map(({ user }) => user),
    ['u-alice-u1', 'u-u2'],
  );
});
