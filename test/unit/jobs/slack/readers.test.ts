import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebClient } from '@slack/web-api';
import { whyNotForAll } from '../../../../src/jobs/slack/readers.js';
import type { Standing } from '../../../../src/access.js';
import type { People } from '../../../../src/slack/people.js';

interface Channel {
  /** Members of user groups, by ID. */
  groups?: Record<string, string[]>;
  info?: object;
  members?: string[];
  hasMore?: boolean;
  standings?: Record<string, Standing>;
  revoked?: string[];
  fails?: string;
}

function reason(channel: Channel, access: { viewers?: string[]; users?: string[]; admins?: string[] } = {}, id = 'C1') {
  const {
    info = { is_private: true },
    members = ['U1', 'U2'],
    hasMore = false,
    standings = {},
    revoked,
    fails,
    groups = {},
  } = channel;
  const client = {
    conversations: {
      info: () => (fails ? Promise.reject(new Error(fails)) : Promise.resolve({ channel: info })),
      members: () => Promise.resolve({ members, response_metadata: { next_cursor: hasMore ? 'x' : '' } }),
    },
  } as unknown as WebClient;
  const people: Pick<People, 'isIn' | 'standingOf'> = {
    standingOf: (userId) => Promise.resolve(standings[userId] ?? 'member'),
    isIn: (group, userId) => Promise.resolve(groups[group]?.includes(userId) ?? false),
  };
  const given = { viewers: [], users: [], channels: [], admins: [], guests: false, ...access };
  return whyNotForAll(id, { client, people, access: given, revoked });
}

test('a channel with only members may get a kubeconfig, and so may a direct message', async () => {
  assert.equal(await reason({}), undefined);
  assert.equal(await reason({ fails: 'missing_scope' }, {}, 'D1'), undefined);
});

test('a channel that is shared with another organization, or about to be, gets none', async () => {
  for (const info of [{ is_ext_shared: true }, { is_pending_ext_shared: true }])
    assert.match((await reason({ info }))!, /other organizations/);
  assert.match((await reason({ standings: { U2: 'external' } }))!, /other organizations/);
});

test('a channel that guests can read gets none', async () =>
  assert.match((await reason({ standings: { U2: 'guest' } }))!, /guests can read/));

test('a channel whose members cannot be determined gets none, and the reason is given', async () => {
  assert.match(
    (await reason({ fails: 'missing_scope' }))!,
    /cannot find out who can read this channel \(missing_scope\)/,
  );
  assert.match((await reason({ hasMore: true }))!, /more than 100 members/);
  assert.match((await reason({ standings: { U2: 'unknown' } }))!, /other organizations/);
});

test('a channel with people outside access.users gets none; bots and administrators do not count', async () => {
  assert.match((await reason({}, { users: ['U1'] }))!, /not allowed to use vcdemo/);
  assert.equal(await reason({}, { users: ['U1'], admins: ['U2'] }), undefined);
  assert.equal(await reason({ standings: { U2: 'bot' } }, { users: ['U1'] }), undefined);
});

test('a channel with members of a listed user group gets one, and one with viewers none', async () => {
  assert.equal(await reason({ groups: { S1: ['U1', 'U2'] } }, { users: ['S1'] }), undefined);
  assert.match((await reason({ groups: { S1: ['U1'] } }, { users: ['S1'] }))!, /not allowed to use vcdemo/);
  assert.match((await reason({}, { viewers: ['U2'] }))!, /not allowed to use vcdemo/);
});

test('a channel with somebody whose access was revoked gets none', async () => {
  assert.match((await reason({ revoked: ['U2'] }))!, /somebody whose access was revoked can read this channel/);
  assert.equal(await reason({ revoked: ['U3'] }), undefined);
});

test('a public channel, which everybody can read without joining it, gets one only if everybody may have it', async () => {
  for (const info of [{}, { is_private: false }]) {
    assert.equal(await reason({ info }), undefined);
    assert.match((await reason({ info, revoked: ['U3'] }))!, /whole workspace can read .* access was revoked/);
    for (const access of [{ users: ['U1', 'U2'] }, { viewers: ['U3'] }])
      assert.match((await reason({ info }, access))!, /whole workspace can read .* not everybody is allowed/);
  }
});
