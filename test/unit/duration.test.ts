import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, hours, minutes, parseDuration, seconds } from '../../src/duration.js';

test('a duration is one or more numbers with units', () => {
  assert.equal(parseDuration('90m'), minutes(90));
  assert.equal(parseDuration('1h30m'), minutes(90));
  assert.equal(parseDuration('2d'), hours(48));
  assert.equal(parseDuration('45s'), seconds(45));
});

test('anything else is not a duration, and neither is zero', () => {
  for (const text of ['', '8', 'h', '8 h', '-1h', '1.5h', '0m', '8hours', `${'9'.repeat(30)}d`])
    assert.equal(parseDuration(text), undefined, text);
});

test('a duration is shown with its two largest units', () => {
  assert.equal(formatDuration(hours(8)), '8h');
  assert.equal(formatDuration(minutes(90)), '1h30m');
  assert.equal(formatDuration(hours(49) + minutes(5)), '2d1h');
  assert.equal(formatDuration(400), '0s');
  assert.equal(formatDuration(-1), '0s');
});

test('a formatted duration can be parsed again', () => {
  for (const milliseconds of [seconds(1), minutes(61), hours(8), hours(72)])
    assert.equal(parseDuration(formatDuration(milliseconds)), milliseconds);
});
