import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertMayUse,
  assertOwner,
  assertRole,
  roleOf,
  type Memberships,
  type Role,
  type Who,
} from '../../src/access.js';

const groups: Record<string, string[]> = { S0OPS: ['U0OLGA'], C0TEAM: ['U0TIM'] };
const asked: string[] = [];
const memberships: Memberships = {
  isIn: (id, userId) => (asked.push(id), Promise.resolve(groups[id]?.includes(userId) ?? false)),
};
const nobody = { viewers: [] as string[], users: [] as string[], admins: [] as string[], channels: [], guests: false };
const asker = (userId: string, channelId = 'C0DEMOS') => ({ userId, channelId });
const role = (access: Partial<typeof nobody>, userId: string, channelId?: string) =>
  roleOf({ ...nobody, ...access }, asker(userId, channelId), memberships);

describe('the role of a person', () => {
  test('is user by default, and Slack is not asked', async () => {
    asked.length = 0;
    assert.equal(await role({ admins: ['U0ADA'] }, 'U0BOB'), 'user');
    assert.deepEqual(asked, []);
  });
  test('is that of their own ID, a user group, or a channel that they are in', async () => {
    const access = { admins: ['S0OPS'], users: ['C0TEAM', 'U0BOB'], viewers: ['U0VERA'] };
    assert.equal(await role(access, 'U0OLGA'), 'admin');
    assert.equal(await role(access, 'U0TIM'), 'user');
    assert.equal(await role(access, 'U0BOB'), 'user');
    assert.equal(await role(access, 'U0VERA'), 'viewer');
    assert.equal(await role(access, 'U0MALLORY'), undefined);
  });
  test('is not that of the channel in which they say they write, if they are not in it', async () => {
    assert.equal(await role({ users: ['C0TEAM'] }, 'U0MALLORY', 'C0TEAM'), undefined);
    assert.equal(await role({ users: ['U0BOB'], admins: ['C0TEAM'] }, 'U0BOB', 'C0TEAM'), 'user');
  });
  test('is not found out without Slack, also in a channel that has one', async () => {
    const silent = { isIn: () => Promise.reject(new Error('no answer')) };
    await assert.rejects(roleOf({ ...nobody, users: ['C0TEAM'] }, asker('U0TIM', 'C0TEAM'), silent), /no answer/);
  });
  test('is the highest of several', async () =>
    assert.equal(await role({ viewers: ['U0OLGA'], users: ['U0OLGA'], admins: ['S0OPS'] }, 'U0OLGA'), 'admin'));
  test('is viewer for everybody else if the configuration says so', async () => {
    assert.equal(await role({ viewers: ['everybody'], users: ['U0BOB'] }, 'U0MALLORY'), 'viewer');
    assert.equal(await role({ viewers: ['everybody'], users: ['U0BOB'] }, 'U0BOB'), 'user');
  });
});

describe('somebody without a role', () => {
  test('may not use vcdemo', () =>
    assert.rejects(assertMayUse({ ...nobody, users: ['U0BOB'] }, asker('U0MALLORY'), memberships), {
      code: 'not-allowed',
      hint: /U0MALLORY.*access\.users/,
    }));
});

describe('a command', () => {
  const may = (as: Role, who: Who) => {
    try {
      assertRole(as, who, 'x');
      return true;
    } catch {
      return false;
    }
  };
  test('is open to the roles that its row admits', () => {
    const allowed = (as: Role) =>
      (['viewers', 'everybody', 'shared', 'owner', 'admins'] as const).filter((who) => may(as, who));
    assert.deepEqual(allowed('viewer'), ['viewers']);
    assert.deepEqual(allowed('user'), ['viewers', 'everybody', 'shared', 'owner']);
    assert.deepEqual(allowed('admin'), ['viewers', 'everybody', 'shared', 'owner', 'admins']);
  });
});

describe('a demo', () => {
  const demo = {
    name: 'demo',
    owner: { id: 'U0ADA', name: 'ada' },
    shared: ['U0BOB', 'S0OPS', 'C0TEAM'],
    revoked: [] as string[],
  };
  const admins = { ...nobody, admins: ['U0ROOT'] };
  const mayRun = (who: 'owner' | 'shared', userId: string, channelId?: string) =>
    assertOwner({ access: admins, memberships }, asker(userId, channelId), demo, { command: 'x', who }).then(
      () => true,
      (error: { code: string }) => error.code,
    );
  test('belongs to its owner and the administrators', async () => {
    for (const userId of ['U0ADA', 'U0ROOT']) assert.equal(await mayRun('owner', userId), true);
    for (const userId of ['U0BOB', 'U0OLGA', 'U0TIM', 'U0MALLORY'])
      assert.equal(await mayRun('owner', userId), 'not-owner', userId);
  });
  test('is no longer shared with somebody whose access was revoked, whatever groups they are in', async () => {
    demo.revoked.push('U0TIM');
    assert.equal(await mayRun('shared', 'U0TIM'), 'not-owner');
    assert.equal(await mayRun('shared', 'U0OLGA'), true);
    demo.revoked.pop();
    assert.equal(await mayRun('shared', 'U0TIM'), true);
  });
  test('can be shared with people, user groups and channels', async () => {
    for (const userId of ['U0ADA', 'U0ROOT', 'U0BOB', 'U0OLGA', 'U0TIM'])
      assert.equal(await mayRun('shared', userId), true, userId);
    assert.equal(await mayRun('shared', 'U0MALLORY'), 'not-owner');
    assert.equal(await mayRun('shared', 'U0MALLORY', 'C0TEAM'), 'not-owner', 'in the channel, but not a member');
  });
});
