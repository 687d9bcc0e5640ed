import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { WebAPIPlatformError, type WebClient } from '@slack/web-api';
import { createPeople, standingFrom } from '../../../src/slack/people.js';

const ours = { teamId: 'T1', enterpriseId: null };
const inGrid = { teamId: 'T1', enterpriseId: 'E1' };

describe('somebody', () => {
  test('in the team is a member', () => {
    assert.equal(standingFrom({ team_id: 'T1' }, ours), 'member');
    assert.equal(standingFrom({}, ours), 'member');
  });
  test('in another team of the organization is a member', () =>
    assert.equal(standingFrom({ team_id: 'T2', enterprise_user: { enterprise_id: 'E1' } }, inGrid), 'member'));
  test('in another team or organization is external, even as a guest there', () => {
    assert.equal(standingFrom({ team_id: 'T2' }, ours), 'external');
    assert.equal(standingFrom({ team_id: 'T2', enterprise_user: { enterprise_id: 'E2' } }, inGrid), 'external');
    assert.equal(standingFrom({ is_stranger: true, team_id: 'T1', is_restricted: true }, ours), 'external');
  });
  test('who is restricted is a guest', () => {
    assert.equal(standingFrom({ team_id: 'T1', is_restricted: true }, ours), 'guest');
    assert.equal(standingFrom({ team_id: 'T1', is_ultra_restricted: true }, ours), 'guest');
  });
  test('who is an app is no person', () => {
    assert.equal(standingFrom({ team_id: 'T1', is_bot: true }, ours), 'bot');
    assert.equal(standingFrom({ team_id: 'T1', id: 'USLACKBOT', is_bot: false }, ours), 'bot');
    assert.equal(standingFrom({ team_id: 'T2', is_bot: true }, ours), 'external');
  });
  test('who was deactivated counts as that first', () =>
    assert.equal(standingFrom({ deleted: true, is_restricted: true, team_id: 'T2' }, ours), 'deactivated'));
});

describe('the members of a group', () => {
  function peopleOf(list: (group: string) => Promise<unknown>, members: (cursor?: string) => Promise<unknown>) {
    const asked: string[] = [];
    const client = {
      usergroups: {
        users: { list: ({ usergroup }: { usergroup: string }) => (asked.push(usergroup), list(usergroup)) },
      },
      conversations: {
        members: ({ channel, cursor }: { channel: string; cursor?: string }) => (asked.push(channel), members(cursor)),
      },
    } as unknown as WebClient;
    return { people: createPeople(client, () => Promise.resolve(ours)), asked };
  }
  const nobody = () => Promise.resolve({ users: [] });

  test('are read once a minute', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      const { people, asked } = peopleOf(() => Promise.resolve({ users: ['U1'] }), nobody);
      assert.deepEqual(await Promise.all([people.isIn('S1', 'U1'), people.isIn('S1', 'U2')]), [true, false]);
      assert.deepEqual(asked, ['S1']);
      mock.timers.tick(60_000);
      await people.isIn('S1', 'U1');
      assert.deepEqual(asked, ['S1', 'S1']);
    } finally {
      mock.timers.reset();
    }
  });
  test('of a channel are read page by page', async () => {
    const { people } = peopleOf(nobody, (cursor) =>
      Promise.resolve(
        cursor === undefined
          ? { members: ['U1'], response_metadata: { next_cursor: 'more' } }
          : { members: ['U2'], response_metadata: { next_cursor: '' } },
      ),
    );
    assert.equal(await people.isIn('C1', 'U2'), true);
    assert.equal(await people.isIn('C1', 'U3'), false);
  });
  test('that does not exist are nobody, but without a scope nobody knows', async () => {
    const failing = (error: string) => () => Promise.reject(new WebAPIPlatformError({ ok: false, error }));
    assert.equal(await peopleOf(failing('no_such_subteam'), nobody).people.isIn('S1', 'U1'), false);
    await assert.rejects(peopleOf(failing('missing_scope'), nobody).people.isIn('S1', 'U1'), /missing_scope/);
    assert.equal(await peopleOf(failing('no_such_subteam'), nobody).people.isVisible('S1'), false);
    assert.equal(await peopleOf(nobody, failing('channel_not_found')).people.isVisible('C1'), false);
    assert.equal(await peopleOf(nobody, nobody).people.isVisible('S1'), true);
  });
  test('of a channel are asked for again soon after the app was not in it', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      let isIn = false;
      const { people } = peopleOf(nobody, () =>
        isIn
          ? Promise.resolve({ members: ['U1'] })
          : Promise.reject(new WebAPIPlatformError({ ok: false, error: 'channel_not_found' })),
      );
      assert.equal(await people.isVisible('C1'), false);
      isIn = true;
      mock.timers.tick(10_000);
      assert.equal(await people.isVisible('C1'), true);
    } finally {
      mock.timers.reset();
    }
  });
});

describe('Slack', () => {
  function peopleOf(info: (user: string) => Promise<unknown>) {
    const asked: string[] = [];
    const client = {
      users: { info: ({ user }: { user: string }) => (asked.push(user), info(user)) },
    } as unknown as WebClient;
    return { people: createPeople(client, () => Promise.resolve(ours)), asked };
  }
  const member = () => Promise.resolve({ user: { team_id: 'T1' } });

  test('is asked once about a person, even by two callers at the same time, and again after five minutes', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      const { people, asked } = peopleOf(member);
      await Promise.all([people.standingOf('U1'), people.standingOf('U1')]);
      assert.equal(await people.standingOf('U1'), 'member');
      assert.deepEqual(asked, ['U1']);
      mock.timers.tick(5 * 60_000);
      await people.standingOf('U1');
      assert.deepEqual(asked, ['U1', 'U1']);
    } finally {
      mock.timers.reset();
    }
  });

  test('is asked again ten seconds after it did not answer', async () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      let isAway = true;
      const { people, asked } = peopleOf(() => (isAway ? Promise.reject(new Error('no answer')) : member()));
      await assert.rejects(people.standingOf('U1'), /no answer/);
      await assert.rejects(people.standingOf('U1'), /no answer/);
      isAway = false;
      mock.timers.tick(10_000);
      assert.equal(await people.standingOf('U1'), 'member');
      assert.deepEqual(asked, ['U1', 'U1']);
    } finally {
      mock.timers.reset();
    }
  });

  test('that does not know somebody says so', async () => {
    const unknown = new WebAPIPlatformError({ ok: false, error: 'user_not_found' });
    assert.equal(await peopleOf(() => Promise.reject(unknown)).people.standingOf('U1'), 'unknown');
  });

  test('is asked again about people whom many others have displaced', async () => {
    const { people, asked } = peopleOf(member);
    for (let index = 0; index <= 2_000; index++) await people.standingOf(`U${index}`);
    await people.standingOf('U2000');
    assert.equal(asked.length, 2_001);
    await people.standingOf('U0');
    assert.equal(asked.length, 2_002);
  });
});
