import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommand } from '../../../../src/commands/parse.js';
import { readDemoConfig } from '../../../../src/config.js';
import { hours, minutes, seconds } from '../../../../src/duration.js';
import { reminderMessage } from '../../../../src/jobs/commands/remind.js';
import { extendDemo } from '../../../../src/k8s/demo/demo-life.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const expires = new Date('2026-01-02T12:00:00Z');
const demo = { ...plannedDemo({ name: 'team-a' }), expires };
const config = { ...readDemoConfig(undefined), hostCluster: undefined };
const before = (ms: number) => new Date(expires.getTime() - ms);

test('a reminder tells the owner when the demo expires, and has it in the text for notifications', () => {
  const { text } = reminderMessage(demo, config, before(minutes(30) - seconds(20)));
  assert.equal(
    text,
    '<@U1> Demo team-a expires in 30m (2026-01-02 12:00 UTC). It is then deleted with everything in it.',
  );
});

test('a reminder never says that no time is left', () =>
  assert.match(reminderMessage(demo, config, before(seconds(5))).text, /expires in 1m \(/));

for (const [what, longest, hostCluster, value] of [
  ['four hours', hours(72), undefined, 'extend team-a 4h'],
  ['what a demo may still live', hours(2), undefined, 'extend team-a 1h30m'],
  ['half of what a demo may live shortly', minutes(40), undefined, 'extend team-a 20m'],
  ['on its host cluster', hours(72), 'eu', 'extend team-a 4h --on eu'],
] as const)
  test(`the button of a reminder extends by or stays within: ${what}`, () => {
    const ttl = { ...config.ttl, max: longest };
    const { blocks } = reminderMessage({ ...demo, hostCluster }, { ttl }, before(minutes(30)));
    const [button] = blocks.flatMap((block) => (block.type === 'actions' ? block.elements : []));
    assert.equal(button?.type === 'button' && button.value, value);
    const { flags } = parseCommand(value, { maxTtlMs: longest, clusters: ['eu', 'us'] });
    const now = before(Math.min(minutes(30), longest / 2));
    const extended = extendDemo({ ...demo, ready: now }, { byMs: Number(flags.byMs), maxTtlMs: longest, now });
    assert.ok(extended.expires > expires, 'and is not refused when the reminder comes');
  });
