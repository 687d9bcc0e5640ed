import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { listedButtons, readyButtons, readyMenu } from '../../../../src/jobs/slack/demo-buttons.js';
import { demoStates } from '../../../../src/k8s/demo/demo.js';
import { buttons, type CommandButton } from '../../../../src/slack-message.js';

const demo = { name: 'team-a', hostCluster: undefined };
const defaults = readDemoConfig(undefined);
const configWith = (enabled: boolean) => ({ ...defaults, dashboard: { ...defaults.dashboard, enabled } });

const labelsOf = (row: readonly CommandButton[]) => row.map(({ label }) => label).join(' · ');

test('what a demo offers depends on its state', () => {
  const offered = demoStates.map((state) => [state, labelsOf(listedButtons({ ...demo, state }, configWith(true)))]);
  assert.deepEqual(Object.fromEntries(offered), {
    creating: 'Status · Cancel · Delete',
    ready: 'Verify · Kubeconfig · Dashboard · Extend · Delete',
    paused: 'Resume · Extend · Delete',
    failed: 'Resume · Logs · Delete',
    deleting: 'Status · Delete',
  });
});

test('without several host clusters no button names one', () => {
  for (const { value } of readyButtons(demo, configWith(true))) assert.doesNotMatch(value, /--on/);
});

test('no dashboard is offered where none is installed', () =>
  assert.doesNotMatch(labelsOf(readyButtons(demo, configWith(false))), /Dashboard/));

test('the menu fits into what Slack allows', () => {
  const block = buttons(readyButtons(demo, configWith(true)), readyMenu(demo));
  const menu = block.type === 'actions' ? block.elements.at(-1) : undefined;
  assert.ok(menu?.type === 'overflow' && menu.options.length <= 5);
});
