import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionsIn, pinActions } from '../../../../scripts/pins/actions.js';

const commit = (character: string) => character.repeat(40);
const workflow = `
steps:
  - uses: actions/checkout@v5
  - uses: github/codeql-action/init@${commit('0')} # v3.1.0
  - uses: ./.github/workflows/ci.yaml
`;

test('the actions in a workflow are found, but not local ones', () => {
  assert.deepEqual(actionsIn(workflow), [
    { repository: 'actions/checkout', ref: 'v5', version: undefined },
    { repository: 'github/codeql-action', ref: commit('0'), version: 'v3.1.0' },
  ]);
});

test('an action is pinned to the commit of its release, which stays in the comment', async () => {
  const asked: string[] = [];
  const commitOf = (repository: string, tag: string) => {
    asked.push(`${repository} ${tag}`);
    return Promise.resolve(commit(tag === 'v5' ? 'a' : 'b'));
  };
  const pinned = await pinActions(workflow, commitOf);
  assert.ok(pinned.includes(`uses: actions/checkout@${commit('a')} # v5\n`));
  assert.ok(pinned.includes(`uses: github/codeql-action/init@${commit('b')} # v3.1.0\n`));
  assert.ok(pinned.includes('uses: ./.github/workflows/ci.yaml\n'));
  assert.deepEqual(asked, ['actions/checkout v5', 'github/codeql-action v3.1.0']);
  assert.equal(await pinActions(pinned, commitOf), pinned);
});
