import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiversOf, unservedOf, withServed } from '../../../../src/jobs/slack/files.js';
import { plannedDemo } from '../../../support/planned-demo.js';

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

test('a revoke that was interrupted sends new kubeconfigs only to those who do not have theirs yet', () => {
  const replacing = { jobId: 'revoke-1', authorities: {}, served: [] };
  const files = [
    { id: 'F1', to: 'C1' },
    { id: 'F2', to: 'U2', user: 'u-bob-u2' },
    { id: 'F3', to: 'U3', user: 'u-eve-u3' },
  ];
  const begun = { ...plannedDemo(), files, replacing };
  assert.deepEqual(
    unservedOf(begun).map(({ to }) => to),
    ['C1', 'U2', 'U3'],
  );
  // The channel's went to the person who asked, because others can read the channel.
  const moved = { ...withServed(begun, ['C1', 'U1']), files: [...files.slice(1), { id: 'F4', to: 'U1' }] };
  assert.deepEqual(
    unservedOf(withServed(moved, ['U2', 'U2'])).map(({ to }) => to),
    ['U3'],
  );
});
