import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertInstalledThere, isExternal, type Origin } from '../../../../src/bot/receiver/origin.js';
import type { Installation } from '../../../../src/slack/installation.js';

const workspace: Installation = { teamId: 'T1', enterpriseId: null, appId: 'A1' };
const inGrid: Installation = { teamId: 'T1', enterpriseId: 'E1', appId: 'A1' };
const organization: Installation = { teamId: null, enterpriseId: 'E1' };

describe('where the app is installed', () => {
  const taken: [what: string, Installation, Origin][] = [
    ['its own workspace', workspace, { teamId: 'T1', appId: 'A1' }],
    ['its own workspace, without naming the app', workspace, { teamId: 'T1' }],
    ['its own workspace in its organization', inGrid, { teamId: 'T1', enterpriseId: 'E1' }],
    ['any workspace of its organization', organization, { teamId: 'T7', enterpriseId: 'E1' }],
    ['anywhere, when nothing is known', {}, { teamId: 'T7', enterpriseId: 'E7', appId: 'A7' }],
  ];
  for (const [what, installation, origin] of taken)
    test(`is ${what}`, () => assert.doesNotThrow(() => assertInstalledThere(installation, origin)));

  const refused: [what: string, Installation, Origin][] = [
    ['another workspace', workspace, { teamId: 'T2', appId: 'A1' }],
    ['no workspace', workspace, { appId: 'A1' }],
    ['another app', workspace, { teamId: 'T1', appId: 'A2' }],
    ['an organization where there is none', workspace, { teamId: 'T1', enterpriseId: 'E2' }],
    ['another organization', inGrid, { teamId: 'T1', enterpriseId: 'E2' }],
    ['another workspace of its organization', inGrid, { teamId: 'T2', enterpriseId: 'E1' }],
    ['no organization', organization, { teamId: 'T1' }],
  ];
  for (const [what, installation, origin] of refused)
    test(`is not ${what}`, () =>
      assert.throws(() => assertInstalledThere(installation, origin), { code: 'another-workspace' }));
});

test('somebody from another team is external; in an Enterprise Grid only Slack can tell', () => {
  assert.ok(isExternal(workspace, { userTeamId: 'T2' }));
  assert.ok(!isExternal(workspace, { userTeamId: 'T1' }));
  assert.ok(!isExternal(workspace, {}));
  assert.ok(!isExternal(inGrid, { userTeamId: 'T2' }));
});
