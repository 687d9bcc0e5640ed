import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hours, minutes } from '../../../../src/duration.js';
import {
  awakeDemo,
  extendDemo,
  isDue,
  isReminderDue,
  pausedDemo,
  readyDemo,
  TooLong,
} from '../../../../src/k8s/demo/demo-life.js';
import type { Demo } from '../../../../src/k8s/demo/demo.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const now = new Date('2026-01-01T12:00:00Z');
const after = (ms: number) => new Date(now.getTime() + ms);
const maxTtlMs = hours(72);
const living = (ms: number) => ({ ...readyDemo(plannedDemo({ now, ttlMs: ms }), now) });

describe('a demo that is extended', () => {
  test('lives longer by that time', () => {
    const { expires, ttlMs } = extendDemo(living(hours(1)), { byMs: hours(4), maxTtlMs, now });
    assert.deepEqual([expires, ttlMs], [after(hours(5)), hours(5)]);
  });
  test('may end at most the longest lifetime from now', () => {
    const demo = living(hours(71));
    assert.deepEqual(extendDemo(demo, { byMs: hours(1), maxTtlMs, now }).expires, after(hours(72)));
    assert.throws(
      () => extendDemo(demo, { byMs: hours(2), maxTtlMs, now }),
      (error: TooLong) => error.atMostMs === hours(1),
    );
    assert.deepEqual(extendDemo(demo, { byMs: hours(60), maxTtlMs, now: after(hours(70)) }).expires, after(hours(131)));
  });
  test('lives from now if it has just expired', () =>
    assert.deepEqual(
      extendDemo(living(hours(1)), { byMs: hours(4), maxTtlMs, now: after(hours(2)) }).expires,
      after(hours(6)),
    ));
  test('before it is ready gets the whole time when it is', () => {
    const extended = extendDemo(plannedDemo({ now, ttlMs: hours(1) }), { byMs: hours(4), maxTtlMs, now });
    assert.deepEqual(readyDemo(extended, after(hours(1))).expires, after(hours(6)));
  });
});

test('the owner of a demo whose creation failed is reminded of its end, too', () => {
  const failed: Demo = { ...plannedDemo({ now, ttlMs: hours(1) }), state: 'failed' };
  const before = (ms: number) => new Date(failed.expires.getTime() - ms);
  assert.equal(isReminderDue(failed, before(minutes(31))), false);
  assert.equal(isReminderDue(failed, before(minutes(29))), true);
  assert.equal(isReminderDue({ ...failed, reminded: failed.expires }, before(minutes(29))), false);
  assert.equal(isReminderDue({ ...failed, state: 'deleting' }, before(minutes(29))), false);
});

test('a demo whose creation failed can be extended before its end, but never lives longer than any other', () => {
  const failed: Demo = { ...plannedDemo({ now, ttlMs: maxTtlMs }), state: 'failed' };
  assert.throws(() => extendDemo(failed, { byMs: hours(4), maxTtlMs, now }), TooLong);
  const soon = new Date(failed.expires.getTime() - minutes(20));
  const extended = extendDemo(failed, { byMs: hours(4), maxTtlMs, now: soon });
  assert.deepEqual(extended.expires, new Date(failed.expires.getTime() + hours(4)));
  assert.deepEqual(readyDemo(extended, soon).expires, new Date(soon.getTime() + maxTtlMs));
});

describe('a demo that is paused', () => {
  test('expires as planned, and its owner is reminded', () => {
    const paused = pausedDemo(living(hours(1)), after(hours(0.6)), { stopsExpiry: false });
    assert.equal(isReminderDue(paused, after(hours(0.7))), true);
    assert.equal(isDue(paused, after(hours(1))), true);
    assert.deepEqual(awakeDemo(paused, after(hours(0.8))).expires, after(hours(1)));
  });

  test('keeps what is left of its lifetime if the configuration says so', () => {
    const paused = pausedDemo(living(hours(4)), after(hours(1)), { stopsExpiry: true });
    assert.equal(isDue(paused, after(hours(100))), false);
    assert.equal(isReminderDue(paused, after(hours(3.9))), false);
    const awake = awakeDemo(paused, after(hours(100)));
    assert.deepEqual([awake.expires, awake.paused], [after(hours(103)), undefined]);
  });

  test('can be extended, also while its lifetime is on hold', () => {
    const paused = pausedDemo(living(hours(4)), after(hours(1)), { stopsExpiry: true });
    const extended = extendDemo(paused, { byMs: hours(2), maxTtlMs, now: after(hours(50)) });
    assert.deepEqual(awakeDemo(extended, after(hours(100))).expires, after(hours(105)));
    assert.throws(() => extendDemo(paused, { byMs: hours(70), maxTtlMs, now: after(hours(50)) }), TooLong);
  });

  test('is not paused again: a second run changes nothing', () => {
    const paused = pausedDemo(living(hours(4)), after(hours(1)), { stopsExpiry: true });
    assert.equal(pausedDemo(paused, after(hours(2)), { stopsExpiry: true }), paused);
  });
});
