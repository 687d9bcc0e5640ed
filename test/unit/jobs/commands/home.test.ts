import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hours, minutes } from '../../../../src/duration.js';
import { homeBlocks } from '../../../../src/jobs/commands/home.js';

test('a Home shows whose turn it is and in about how long each job begins, and no name that is not known yet', () => {
  const waiting = [
    { name: 'create', demo: 'one', userId: 'U1', isActive: true },
    { name: 'revoke', demo: 'two', userId: 'U2', isActive: false, startsInMs: minutes(1) },
    { name: 'create', demo: undefined, userId: 'U3', isActive: false, startsInMs: minutes(2) },
    { name: 'renew', demo: 'four', userId: undefined, isActive: false },
  ];
  const config = { clusters: [], dashboard: { enabled: true }, ttl: { default: hours(8), max: hours(72) } };
  const shown = JSON.stringify(homeBlocks({ demos: { demos: [], unreadable: [] }, waiting, userId: 'U1', config }));
  assert.ok(
    shown.includes(
      [
        '*Queue*',
        '• now `create one` of <@U1>',
        '• 1. `revoke two` of <@U2>, in about 1m',
        '• 2. `create` of <@U3>, in about 2m',
        '• 3. `renew four`',
      ].join('\\n'),
    ),
    shown,
  );
});
