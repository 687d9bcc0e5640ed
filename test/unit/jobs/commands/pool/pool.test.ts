import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../../src/config.js';
import { hours } from '../../../../../src/duration.js';
import { poolMessage } from '../../../../../src/jobs/commands/pool/pool.js';
import type { Stock } from '../../../../../src/jobs/commands/pool/stock.js';
import { planPair, withState } from '../../../../../src/k8s/demo/pool.js';
import { plannedDemo } from '../../../../support/planned-demo.js';

const config = { ...readDemoConfig(undefined), pool: { size: 2, max: 3, paused: false, maxAge: hours(12) } };
const now = new Date('2026-01-01T00:00:00Z');
const said = (over: Partial<Stock> = {}, demos = 50): string => {
  const stock: Stock = {
    ...{ demos: [], unreadable: [], pairs: [], notes: { failures: 0 }, now, isUnderMaintenance: false },
    ...over,
  };
  return poolMessage(stock, { ...config, limits: { ...config.limits, demos } }).text;
};
const setTo = (size: number): Pick<Stock, 'notes'> => ({
  notes: { failures: 0, size, by: 'U0ROOT', at: now },
});

it('says why a pair cannot be deleted', () => {
  const pair = withState(planPair('pool-1', config, 'vcdemo', now), 'draining', now);
  const shown = said({ pairs: [{ ...pair, problem: 'namespace pool-1-vc1 is Terminating' }] });
  assert.match(shown, /pool-1.*: being deleted, created .*: namespace pool-1-vc1 is Terminating/);
});

describe('what `pool` says of the size', () => {
  it('is what the configuration says, or what somebody has set', () => {
    assert.match(said(), /The pool should have 2, at most 3\.$/);
    assert.match(said(setTo(1)), /The pool should have one, at most 3\. .*U0ROOT.* set its size to 1 /);
  });

  it('is why there are fewer than somebody has set', () => {
    const demos = [plannedDemo({ name: 'team-a' })];
    const full = said({ ...setTo(3), demos }, 2);
    assert.match(full, /should have one, at most 3\. .* set its size to 3 .*no room for more: .* can be 2 /);
    assert.doesNotMatch(said({ ...setTo(3), demos }, 4), /no room/);
  });

  it('is that none are made during maintenance', () => {
    assert.match(said({ isUnderMaintenance: true }), /None are made during maintenance/);
  });
});
