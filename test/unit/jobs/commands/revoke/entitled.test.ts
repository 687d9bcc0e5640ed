import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Standing } from '../../../../../src/access.js';
import { entitledOf } from '../../../../../src/jobs/commands/revoke/entitled.js';
import { everybodyRevokedMessage } from '../../../../../src/jobs/commands/revoke/messages.js';
import { createLog } from '../../../../../src/log.js';
import { textOf } from '../../../../support/stack.js';

const receivers = ['U0ADA', 'U0BOB', 'U0EVE', 'C0DEMOS'].map((to) => ({ to }));

const entitled = (standings: Record<string, Standing | Error>, access: { users?: string[]; viewers?: string[] } = {}) =>
  entitledOf(
    receivers,
    { channelId: 'C0DEMOS' },
    {
      access: { viewers: [], users: [], channels: [], admins: [], guests: false, ...access },
      people: {
        standingOf: (id) => {
          const standing = standings[id] ?? 'member';
          return standing instanceof Error ? Promise.reject(standing) : Promise.resolve(standing);
        },
        isIn: () => Promise.resolve(false),
      },
      log: createLog('test', 'silent'),
    },
  );
const named = ({ to }: { to: string }) => to;

test('new keys go to nobody who may not have them any more', async () => {
  const { entitled: served, leftOut } = await entitled({ U0BOB: 'deactivated', U0EVE: 'guest' });
  assert.deepEqual(served.map(named), ['U0ADA', 'C0DEMOS']);
  assert.deepEqual(leftOut, [
    { to: 'U0BOB', why: 'they may not use vcdemo' },
    { to: 'U0EVE', why: 'they may not use vcdemo' },
  ]);
  const outside = await entitled({}, { users: ['U0ADA'], viewers: ['U0BOB'] });
  assert.deepEqual(outside.entitled.map(named), ['U0ADA', 'C0DEMOS']);
});

test('new keys go to nobody of whom Slack does not say who they are', async () => {
  const { leftOut } = await entitled({ U0EVE: new Error('no answer') });
  assert.deepEqual(leftOut, [{ to: 'U0EVE', why: 'Slack does not say who they are' }]);
});

test('whoever replaces all keys is told who got no new kubeconfig, and why', () => {
  const text = textOf(everybodyRevokedMessage('a', {}, [{ to: 'U0BOB', why: 'they may not use vcdemo' }]));
  assert.match(text, /<@U0BOB>: they may not use vcdemo/);
  assert.doesNotMatch(text, /has been sent a new one\./);
  assert.match(textOf(everybodyRevokedMessage('a', {})), /Everybody who had a kubeconfig has been sent a new one\./);
});
