import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hours, minutes, seconds } from '../../../../src/duration.js';
import { clockProblem, createApiClock } from '../../../../src/k8s/client/clock.js';

const own = Date.parse('2026-01-01T12:00:00.400Z');
const header = (aheadMs: number) => new Date(own + aheadMs).toUTCString();

describe('the clock of an API', () => {
  const clock = createApiClock(() => own);
  const after = (date: string | undefined) => {
    clock.learn(date);
    return clock.now().getTime() - own;
  };

  test("is the worker's own until an answer has shown it", () => assert.equal(clock.now().getTime(), own));

  test('is what the last answer says, on both sides of the own one', () => {
    assert.ok(Math.abs(after(header(hours(3))) - hours(3)) < seconds(1));
    assert.ok(Math.abs(after(header(-hours(3))) + hours(3)) < seconds(1));
  });

  test('is not known from an answer without a usable date', () => {
    const before = after(header(hours(1)));
    assert.equal(after(undefined), before);
    assert.equal(after('yesterday'), before);
  });

  test('does not differ for the seconds that an answer takes', () => {
    assert.equal(after(header(0)), 0);
    assert.equal(after(header(-seconds(4))), 0);
  });
});

test('operators read how far the clocks are apart, from a minute on', () => {
  const seen = (aheadMs: number) => clockProblem(new Date(own - aheadMs), new Date(own));
  assert.equal(seen(seconds(59)), undefined);
  assert.match(seen(minutes(90)) ?? '', /^The worker's clock is 1h30m ahead of the host cluster's\. .*NTP\.$/);
  assert.match(seen(-seconds(90)) ?? '', /^The worker's clock is 1m30s behind the host cluster's\./);
});
