import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedIn, namingCommandOf, peopleForm, readRemembered } from '../../../src/bot/people-form.js';
import { readyMenu, statusButtons } from '../../../src/jobs/slack/demo-buttons.js';

const demo = { name: 'team-a', hostCluster: 'us', state: 'ready' as const };
const form = { text: 'share team-a <@U0> --on us', channelId: 'C1' };

test('the buttons that name nobody open a form, and no other button does', () => {
  const offered = [...readyMenu(demo), ...statusButtons(demo)];
  const opening = offered.filter(({ value }) => namingCommandOf(value)).map(({ label }) => label);
  assert.deepEqual([...new Set(opening)], ['Share', 'Transfer']);
  for (const text of ['share team-a <@U1>', 'share team-a', 'verify <@U0>'])
    assert.equal(namingCommandOf(text), undefined);
});

test('a form becomes the command of its button, with whom it names, on the host cluster of the demo', () => {
  const remembered = readRemembered(peopleForm('share', form).private_metadata!)!;
  for (const other of ['', 'C1', '{}', '{"text":1}']) assert.equal(readRemembered(other), undefined, other);
  assert.deepEqual(remembered, form);
  assert.deepEqual(namedIn(remembered, { person: 'U7' }), { text: 'share team-a <@U7> --on us' });
  assert.deepEqual(namedIn(remembered, { channel: 'C7' }), { text: 'share team-a <#C7> --on us' });
});

test('a form that names nobody, or two, says so at a field', () => {
  assert.deepEqual(namedIn(form, {}), { problems: { person: 'Choose a person, or a channel below.' } });
  assert.ok('problems' in namedIn(form, { person: 'U7', channel: 'C7' }));
});
