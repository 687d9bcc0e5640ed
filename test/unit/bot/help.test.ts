import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpReply } from '../../../src/bot/help.js';
import { parseCommand } from '../../../src/commands/parse.js';
import { commandNames, commands, usageOf } from '../../../src/commands/table.js';
import { helpTopics, isTopic } from '../../../src/commands/topics.js';
import { hours } from '../../../src/duration.js';
import { Refusal } from '../../../src/errors.js';
import type { SlackMessage } from '../../../src/slack-message.js';

const shown = ({ blocks }: SlackMessage) => JSON.stringify(blocks);
/** As it is shown in Slack. */
const escaped = (text: string) => JSON.stringify(text.replaceAll('<', '&lt;').replaceAll('>', '&gt;')).slice(1, -1);
const options = { maxTtlMs: hours(48), clusters: [] };

test('help explains every command under one topic', () => {
  for (const name of commandNames) {
    const usage = escaped(`/vcdemo ${usageOf(name)}\``);
    assert.equal(shown(helpReply([])).split(usage).length, 2, `${name} in the overview`);
    const topics = Object.keys(helpTopics).filter(isTopic);
    const of = topics.filter((topic) => shown(helpReply([], topic)).includes(usage));
    assert.deepEqual(of, [commands[name].topic], name);
  }
});

test('every button of help is a command that can be run', () => {
  const values = [...shown(helpReply([])).matchAll(/"value":"([^"]+)"/g)].map((match) => match[1]!);
  assert.ok(values.length > 3);
  for (const value of values) assert.doesNotThrow(() => parseCommand(value, options), value);
});

test('every example in the table of commands can be typed', () => {
  for (const name of commandNames) {
    const example = commands[name].example.replaceAll('@bob', '<@U0BOB>').replaceAll('#demos', '<#C0DEMOS>');
    assert.equal(parseCommand(example, options).name, name);
  }
});

test('help on an unknown topic names the closest one', () => {
  assert.throws(
    () => parseCommand('help peopel', options),
    (error) => error instanceof Refusal && /people/.test(error.message) && error.code === 'unknown-topic',
  );
});
