import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../../src/config.js';
import { hours, minutes } from '../../../../../src/duration.js';
import { isTaken, planPool, type Stock } from '../../../../../src/jobs/commands/pool/stock.js';
import type { Demo, WarmState } from '../../../../../src/k8s/demo/demo.js';
import { planPair, withState } from '../../../../../src/k8s/demo/pool.js';
import { plannedDemo } from '../../../../support/planned-demo.js';

const now = new Date('2026-01-02T00:00:00Z');
const defaults = readDemoConfig(undefined);
const config = { ...defaults, pool: { size: 2, max: 3, paused: false, maxAge: hours(12) } };
const ago = (ms: number) => new Date(now.getTime() - ms);

/** A pair whose state began a minute ago. */
const pair = (name: string, state: WarmState, created = ago(hours(1)), made = config): Demo =>
  withState(planPair(name, made, 'vcdemo', created), state, ago(minutes(1)));
const stock = (pairs: readonly Demo[], over: Partial<Stock> = {}): Stock => ({
  ...{ demos: [], unreadable: [] },
  ...{ pairs, notes: { failures: 0 }, now, isUnderMaintenance: false },
  ...over,
});
const plan = (of: Stock, settings: typeof config = config) => {
  const { drain, warm } = planPool(of, settings);
  return { drain: drain.map(({ name }) => name), warm: warm?.replace(/^pool-[0-9a-f]{8}$/, 'new') };
};

describe('the plan for the pool', () => {
  it('makes one pair at a time until there are enough', () => {
    assert.deepEqual(plan(stock([])), { drain: [], warm: 'new' });
    assert.deepEqual(plan(stock([pair('pool-1', 'ready')])), { drain: [], warm: 'new' });
    assert.deepEqual(plan(stock([pair('pool-1', 'ready'), pair('pool-2', 'ready')])), { drain: [], warm: undefined });
  });

  it('finishes a pair before it begins another', () => {
    assert.deepEqual(plan(stock([pair('pool-1', 'making')])), { drain: [], warm: 'pool-1' });
  });

  it('makes another for each that is claimed', () => {
    const pairs = [pair('pool-1', 'ready'), pair('pool-2', 'claimed')];
    assert.deepEqual(plan(stock(pairs)), { drain: [], warm: 'new' });
  });

  it('makes none during maintenance, or while it waits after a failure', () => {
    const failed = { failures: 1, failed: { at: ago(minutes(0.5)), reason: 'full' } };
    assert.equal(plan(stock([], { isUnderMaintenance: true })).warm, undefined);
    assert.equal(plan(stock([], { notes: failed })).warm, undefined);
    assert.equal(
      plan(stock([], { notes: { ...failed, failed: { at: ago(minutes(2)), reason: 'full' } } })).warm,
      'new',
    );
  });

  it('deletes what is too many, and everything if the pool is switched off', () => {
    const pairs = [pair('pool-1', 'ready'), pair('pool-2', 'ready'), pair('pool-3', 'making')];
    assert.deepEqual(plan(stock(pairs)), { drain: ['pool-3'], warm: undefined });
    const off = { ...config, pool: { ...config.pool, size: 0 } };
    assert.deepEqual(plan(stock(pairs), off), { drain: ['pool-1', 'pool-2', 'pool-3'], warm: undefined });
  });

  it('keeps pairs that are ready before those that are being made', () => {
    const pairs = [pair('pool-1', 'making'), pair('pool-2', 'ready'), pair('pool-3', 'ready')];
    assert.deepEqual(plan(stock(pairs)), { drain: ['pool-1'], warm: undefined });
  });

  it('makes no more than the limits leave, counting what is becoming a demo and what cannot be read', () => {
    const limited = { ...config, limits: { ...config.limits, demos: 2 } };
    assert.equal(plan(stock([pair('pool-1', 'ready'), pair('pool-2', 'claimed')]), limited).warm, undefined);
    assert.equal(plan(stock([pair('pool-1', 'ready')], { unreadable: [{}] }), limited).warm, undefined);
    assert.equal(plan(stock([pair('pool-1', 'ready')]), limited).warm, 'new');
  });

  it('begins none before the limits have room for it beside those that are still being deleted', () => {
    const limited = { ...config, limits: { ...config.limits, demos: 2 } };
    const going = pair('pool-1', 'draining');
    assert.equal(plan(stock([going, pair('pool-2', 'draining')]), limited).warm, undefined);
    assert.deepEqual(plan(stock([going, pair('pool-2', 'ready')]), limited), { drain: ['pool-1'], warm: undefined });
    assert.equal(plan(stock([going]), limited).warm, 'new');
    assert.equal(plan(stock([going], { demos: [plannedDemo({ name: 'team-a' })] }), limited).warm, undefined);
  });

  it('finishes what it has begun, however many are still being deleted', () => {
    const limited = { ...config, limits: { ...config.limits, demos: 2 } };
    assert.equal(plan(stock([pair('pool-1', 'draining'), pair('pool-2', 'making')]), limited).warm, 'pool-2');
  });

  it('replaces all pairs of an earlier configuration', () => {
    const earlier = { ...config, domain: 'earlier.example.com' };
    const pairs = ['pool-1', 'pool-2'].map((name) => pair(name, 'ready', ago(hours(1)), earlier));
    assert.deepEqual(plan(stock(pairs)), { drain: ['pool-1', 'pool-2'], warm: 'new' });
  });

  it('replaces pairs that are too old one after the other', () => {
    const old = ['pool-1', 'pool-2'].map((name) => pair(name, 'ready', ago(hours(13))));
    assert.deepEqual(plan(stock(old)), { drain: ['pool-1'], warm: undefined });
    const [, second] = old;
    assert.deepEqual(plan(stock([second!])), { drain: [], warm: 'new' });
    assert.deepEqual(plan(stock([second!, pair('pool-3', 'making')])), { drain: [], warm: 'pool-3' });
  });

  it('pauses or starts those that are not as the configuration says, one after the other, and at last', () => {
    const paused = { ...config, pool: { ...config.pool, paused: true } };
    const asleep = (name: string) => {
      const one = pair(name, 'ready');
      return { ...one, warm: { ...one.warm!, isPaused: true } };
    };
    const awake = (name: string) => pair(name, 'ready');
    assert.deepEqual(plan(stock([asleep('pool-1'), awake('pool-2')]), paused), { drain: [], warm: 'pool-2' });
    assert.deepEqual(plan(stock([asleep('pool-1'), awake('pool-2')])), { drain: [], warm: 'pool-1' });
    assert.deepEqual(plan(stock([asleep('pool-1'), asleep('pool-2')]), paused), { drain: [], warm: undefined });
    assert.equal(plan(stock([awake('pool-1')]), paused).warm, 'new');
    const old = pair('pool-1', 'ready', ago(hours(13)));
    assert.deepEqual(plan(stock([old, asleep('pool-2')]), paused), { drain: ['pool-1'], warm: undefined });
  });

  it('deletes a ready pair of which a namespace is missing', () => {
    const [whole, half] = [pair('pool-1', 'ready'), pair('pool-2', 'ready')];
    assert.deepEqual(plan(stock([whole, { ...half, places: half.places.slice(1) }])).drain, ['pool-2']);
  });

  it('keeps a claimed pair until its create has had time enough', () => {
    const claimed = (ms: number) => withState(pair('pool-1', 'ready'), 'claimed', ago(ms));
    assert.deepEqual(plan(stock([claimed(minutes(9))])).drain, []);
    assert.deepEqual(plan(stock([claimed(minutes(11))])).drain, ['pool-1']);
  });

  it('removes the record of a pair whose demo lists its namespaces', () => {
    const demo = { ...plannedDemo({ name: 'team-a' }), pair: 'pool-1' };
    assert.deepEqual(plan(stock([pair('pool-1', 'claimed')], { demos: [demo] })).drain, ['pool-1']);
    assert.equal(isTaken(pair('pool-1', 'claimed'), { demos: [], unreadable: [{ pair: 'pool-1' }] }), true);
    assert.equal(
      isTaken(pair('pool-1', 'claimed'), { demos: [plannedDemo({ name: 'team-a' })], unreadable: [{}] }),
      false,
    );
  });
});
