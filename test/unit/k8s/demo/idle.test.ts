import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hours, minutes } from '../../../../src/duration.js';
import { idleEnd, isIdle, isLookDue, withOwnTraces, withTraces } from '../../../../src/k8s/demo/idle.js';
import type { Demo } from '../../../../src/k8s/demo/demo.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const now = new Date('2026-01-02T12:00:00Z');
const ago = (ms: number) => new Date(now.getTime() - ms);
const rules = { autoPause: { idle: hours(2) } };
const demo = (fields: Partial<Demo> = {}): Demo => ({
  ...plannedDemo({ now: ago(hours(5)) }),
  ...{ state: 'ready', ready: ago(hours(5)), used: ago(hours(3)), traces: { seen: 'before', at: ago(minutes(10)) } },
  ...fields,
});

describe('a demo that nobody uses', () => {
  it('is idle some time after its last use', () => {
    assert.equal(isIdle(demo(), rules, now), true);
    assert.equal(isIdle(demo({ used: ago(hours(2) - 1) }), rules, now), false);
    assert.deepEqual(idleEnd(demo({ used: ago(hours(1)) }), rules), new Date(now.getTime() + hours(1)));
  });

  it('is never idle unless the configuration says after which time', () => {
    const off = { autoPause: {} };
    assert.equal(isIdle(demo(), off, now), false);
    assert.equal(isLookDue(demo(), off, now), false);
    assert.equal(idleEnd(demo(), off), undefined);
  });

  it('stays idle after a look that finds the same as the one before', () => {
    const looked = withTraces(demo(), 'before', rules, now);
    assert.deepEqual([looked.used, looked.traces], [ago(hours(3)), { seen: 'before', at: now }]);
    assert.equal(isIdle(looked, rules, now), true);
  });

  it('stays idle after requests of a scheduled verify', () => {
    const verified = withOwnTraces(demo({ schedule: { everyMs: hours(1), last: now } }), 'after');
    const looked = withTraces(verified, 'after', rules, now);
    assert.deepEqual(looked.used, ago(hours(3)));
    assert.equal(isIdle(looked, rules, now), true);
  });

  it('is used again after a look that finds something else', () => {
    const looked = withTraces(demo(), 'after', rules, now);
    assert.deepEqual(looked.used, now);
    assert.equal(isIdle(looked, rules, now), false);
  });

  it('counts as used at the first look, and at the first one after a long time without looks', () => {
    for (const traces of [undefined, { seen: 'before', at: ago(hours(2)) }]) {
      assert.equal(isIdle(demo({ traces }), rules, now), false);
      assert.equal(isLookDue(demo({ traces }), rules, now), true);
      assert.deepEqual(withTraces(demo({ traces }), 'before', rules, now).used, now);
    }
  });
});
