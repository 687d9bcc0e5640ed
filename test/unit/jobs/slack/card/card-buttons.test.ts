import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommand } from '../../../../../src/commands/parse.js';
import { hours } from '../../../../../src/duration.js';
import * as cardButtons from '../../../../../src/jobs/slack/card/card-buttons.js';
import { demoStates } from '../../../../../src/k8s/demo.js';
import { buttons, type CommandButton } from '../../../../../src/slack-message.js';

const { buttonsFor, cancelledButtons, ownerButtons, sharedButtons } = cardButtons;
const demo = { name: 'team-a', hostCluster: 'eu' };
const rules = { hasDashboard: true, longestMs: hours(72) };

/** Every row of buttons, and the menu. */
const rows: Record<string, readonly CommandButton[]> = {
  ...Object.fromEntries(demoStates.map((state) => [`a demo that is ${state}`, buttonsFor({ state }, demo, rules)])),
  'the menu of a demo that is ready': cardButtons.readyMenu(demo),
  'a create that made nothing': cardButtons.emptyButtons(demo),
  'a deletion that did not finish': cardButtons.undeletedButtons(demo),
  'keys that were not replaced': cardButtons.unrevokedButtons(demo),
  'a create that was cancelled': cancelledButtons(demo, 'part'),
  'a demo that is shared': sharedButtons(demo, hours(72)),
  'a new owner': ownerButtons(demo, hours(72)),
  'a revoke': [cardButtons.replaceButton(demo), cardButtons.cancelButton(demo)],
};

describe('each button is a command that can be typed, on the host cluster of the demo:', () => {
  for (const [what, row] of Object.entries(rows))
    test(what, () => {
      assert.ok(row.length > 0);
      for (const { value } of row) {
        const { demo: named, on } = parseCommand(value, { maxTtlMs: hours(72), clusters: ['us', 'eu'] });
        assert.deepEqual([named, on], ['team-a', 'eu'], value);
      }
    });
});

test('without several host clusters no button names one', () => {
  for (const { value } of buttonsFor({ state: 'ready' }, { name: 'team-a' }, rules)) assert.doesNotMatch(value, /--on/);
});

const labelsOf = (row: readonly CommandButton[]) => row.map(({ label }) => label).join(' · ');

test('what a demo offers depends on its state', () => {
  const offered = demoStates.map((state) => [state, labelsOf(buttonsFor({ state }, demo, rules))]);
  assert.deepEqual(Object.fromEntries(offered), {
    creating: 'Status · Cancel · Delete',
    ready: 'Verify · Kubeconfig · Dashboard · Extend · Delete',
    paused: 'Resume · Extend · Delete',
    failed: 'Resume · Logs · Delete',
    deleting: 'Status · Delete',
  });
  assert.equal(labelsOf(cancelledButtons(demo, 'empty')), 'Try again');
  assert.equal(labelsOf(cancelledButtons(demo, 'part')), 'Resume · Delete');
  assert.equal(labelsOf(cancelledButtons(demo, 'ready')), 'Delete');
});

test('no dashboard is offered where none is installed', () =>
  assert.doesNotMatch(labelsOf(buttonsFor({ state: 'ready' }, demo, { ...rules, hasDashboard: false })), /Dashboard/));

test('the menu fits into what Slack allows', () => {
  const block = buttons(rows['a demo that is ready']!, cardButtons.readyMenu(demo));
  const menu = block.type === 'actions' ? block.elements.at(-1) : undefined;
  assert.ok(menu?.type === 'overflow' && menu.options.length <= 5);
});
