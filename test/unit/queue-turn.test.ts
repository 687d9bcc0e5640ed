import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { minutes, seconds } from '../../src/duration.js';
import { startsInMs, startsInText } from '../../src/queue-turn.js';

describe('the time until a job begins', () => {
  const usualMs = seconds(60);

  test('is what the running job has left for the next one', () =>
    assert.equal(startsInMs(0, { usualMs, runningForMs: [seconds(20)] }), seconds(40)));

  test('grows by a job for each one before it, where one runs at a time', () =>
    assert.equal(startsInMs(2, { usualMs, runningForMs: [seconds(20)] }), seconds(160)));

  test('counts several that run side by side', () => {
    const pace = { usualMs, runningForMs: [seconds(10), seconds(50)] };
    assert.deepEqual(
      [0, 1, 2, 3].map((before) => startsInMs(before, pace)),
      [10, 50, 70, 110].map(seconds),
    );
  });

  test('is over at once for a job that follows a late one', () =>
    assert.equal(startsInMs(0, { usualMs, runningForMs: [minutes(9)] }), 0));

  test('is not guessed while nothing runs, or nothing has ended', () => {
    assert.equal(startsInMs(1, { usualMs, runningForMs: [] }), undefined);
    assert.equal(startsInMs(1, { usualMs: undefined, runningForMs: [1] }), undefined);
  });

  test('is told in minutes', () => {
    assert.equal(startsInText(seconds(59)), 'within a minute');
    assert.equal(startsInText(seconds(160)), 'in about 3m');
  });
});
