import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WebAPIPlatformError } from '@slack/web-api';
import type { Slack } from '../../../../src/jobs/slack/slack.js';
import { assertMayAsk, assertMayAskLater } from '../../../../src/jobs/worker/requester-check.js';
import { createLog } from '../../../../src/log.js';
import { mrkdwn } from '../../../../src/mrkdwn.js';
import type { Standing } from '../../../../src/access.js';

const requester = { userId: 'U0ALICE', userName: 'alice', channelId: 'C0DEMOS' };
const shared = { ids: ['F1'] };
const slack = { shareFile: () => Promise.resolve(shared) } as unknown as Slack;
const access = { viewers: [], users: [], channels: [], admins: [], guests: false };
const config = { access, delivery: 'channel' } as const;
const file = { filename: 'f', content: 'c', title: 't', comment: mrkdwn`c` };

/** Slack's answers, in order; errors are thrown. */
function check(answers: (Standing | Error)[], guests = false) {
  const standingOf = () => {
    const [answer] = answers.length > 1 ? answers.splice(0, 1) : answers;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer!);
  };
  return { access: { ...access, guests }, people: { standingOf, isIn }, log: createLog('test', 'silent') };
}
/** Everybody is in the group S1, and nobody in another. */
const isIn = (group: string) => Promise.resolve(['S1', 'C0TEAM'].includes(group));
const outage = new Error('Slack does not answer');
const missingScope = new WebAPIPlatformError({ ok: false, error: 'missing_scope' });

describe('the worker', () => {
  test('serves members', () => assertMayAsk(requester, check(['member'])));
  for (const standing of ['guest', 'external', 'deactivated', 'unknown'] as const)
    test(`refuses somebody who is ${standing}`, () =>
      assert.rejects(assertMayAsk(requester, check([standing])), { code: 'not-a-member' }));
  for (const standing of ['guest', 'external'] as const)
    test(`serves somebody who is ${standing} if guests are admitted`, () =>
      assertMayAsk(requester, check([standing], true)));
  test('refuses somebody who is deactivated even if guests are admitted', () =>
    assert.rejects(assertMayAsk(requester, check(['deactivated'], true)), { code: 'not-a-member' }));
  test('refuses somebody who is not listed in the configuration', () => {
    const listed = { ...check(['member']), access: { ...access, users: ['U0BOB'] } };
    return assert.rejects(assertMayAsk(requester, listed), {
      code: 'not-allowed',
    });
  });
  test('serves members of a listed user group or channel', async () => {
    const listing = (users: string[]) => ({ ...check(['member']), access: { ...access, users } });
    await assertMayAsk(requester, listing(['S1']));
    await assertMayAsk(requester, listing(['C0TEAM']));
    // That the command says that it was given there proves nothing.
    for (const users of [['S2', 'C0OTHER'], [requester.channelId]])
      await assert.rejects(assertMayAsk(requester, listing(users)), { code: 'not-allowed' });
  });
  test('refuses what the role of somebody does not include, and allows the rest', async () => {
    const as = (roles: Partial<typeof access>, command: 'create' | 'list' | 'delete') =>
      assertMayAsk(requester, { ...check(['member']), access: { ...access, ...roles }, command });
    await as({ viewers: ['S1'] } as never, 'list');
    for (const command of ['create', 'delete'] as const) {
      await assert.rejects(as({ viewers: ['S1'] } as never, command), { code: 'not-allowed', message: /viewer/ });
      await as({ viewers: ['everybody'], users: ['S1'] } as never, command);
      await as({ viewers: ['S1'], admins: [requester.userId] } as never, command);
    }
  });
  test('refuses if Slack does not say which groups somebody is in, and names the scopes', async () => {
    const people = { standingOf: () => Promise.resolve('member' as const), isIn: () => Promise.reject(missingScope) };
    const asked = { people, access: { ...access, users: ['S1'] as never[] }, log: createLog('test', 'silent') };
    await assert.rejects(assertMayAsk(requester, asked), { code: 'not-known', hint: /usergroups:read/ });
  });
  test('refuses if Slack does not say who somebody is, and names the remedy', () =>
    assert.rejects(assertMayAsk(requester, check([missingScope])), {
      code: 'not-known',
      message: /missing_scope/,
      hint: /users:read.*access\.guests/,
    }));
  test('needs no answer from Slack if guests are admitted', () => assertMayAsk(requester, check([outage], true)));
});

describe('a job that takes minutes', () => {
  test('starts while Slack does not answer, and sends the result when Slack does', async () => {
    const later = await assertMayAskLater(requester, check([outage, 'member']), slack);
    assert.equal(await later.shareFile(requester, file, config), shared);
  });
  test('sends nothing to a guest whom Slack identified only later', async () => {
    const later = await assertMayAskLater(requester, check([outage, 'guest']), slack);
    await assert.rejects(later.shareFile(requester, file, config), { code: 'not-a-member' });
  });
  test('sends nothing as long as Slack does not answer', async () => {
    const later = await assertMayAskLater(requester, check([outage]), slack);
    await assert.rejects(later.shareFile(requester, file, config), { code: 'not-known' });
  });
  test('does not start for a guest, or if Slack refuses to say who it is', async () => {
    await assert.rejects(assertMayAskLater(requester, check(['guest']), slack), { code: 'not-a-member' });
    await assert.rejects(assertMayAskLater(requester, check([missingScope]), slack), { code: 'not-known' });
  });
});
