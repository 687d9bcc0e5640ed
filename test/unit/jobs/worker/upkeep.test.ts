import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hours, minutes } from '../../../../src/duration.js';
import { countDemos, isDueNow, upkeepFor } from '../../../../src/jobs/worker/upkeep.js';
import type { Demo } from '../../../../src/k8s/demo/demo.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const credentials = { credentials: { maxAge: hours(8) }, autoPause: {} } as Parameters<typeof upkeepFor>[1];
const ago = (ms: number) => new Date(Date.now() - ms);
const demo = (fields: Partial<Demo>): Demo => ({
  ...plannedDemo({ now: new Date() }),
  state: 'ready',
  expires: new Date(Date.now() + hours(4)),
  ...fields,
});
const scheduled = (ranAgoMs: number, fields: Partial<Demo> = {}) =>
  demo({ schedule: { everyMs: minutes(15), last: ago(ranAgoMs) }, ...fields });

describe('the upkeep of demos', () => {
  const due = (one: Demo) =>
    upkeepFor([one], credentials, new Date())
      .filter((request) => isDueNow(request, new Date()))
      .map(({ name }) => name);

  test('verifies a mesh when its interval is over, and not before', () => {
    assert.deepEqual(due(scheduled(minutes(16))), ['reverify']);
    assert.deepEqual(due(scheduled(minutes(14))), []);
    assert.deepEqual(due(demo({})), []);
  });

  test('plans the next verify for the time at which it is due, unless the demo expires before that', () => {
    const planned = (one: Demo) =>
      upkeepFor([one], credentials, new Date()).map(({ name, at }) => [name, at?.getTime()]);
    const one = scheduled(minutes(5));
    const next = one.schedule!.last.getTime() + minutes(15);
    assert.deepEqual(planned(one), [['reverify', next]]);
    assert.deepEqual(
      planned({ ...one, expires: new Date(next - 1) }).filter(([name]) => name === 'reverify'),
      [],
    );
  });

  test('verifies no demo that is not ready or has expired', () => {
    assert.deepEqual(due(scheduled(minutes(16), { state: 'creating' })), []);
    assert.deepEqual(due(scheduled(minutes(16), { expires: ago(1) })), ['expire']);
  });

  test('restores labels that a demo has lost, in whatever state it is, unless it is being deleted', () => {
    for (const state of ['creating', 'ready', 'failed'] as const)
      assert.deepEqual(due(demo({ state, isUnlabelled: true })), ['renew']);
    assert.deepEqual(due(demo({ state: 'deleting', isUnlabelled: true })), []);
  });

  describe('where idle demos are paused', () => {
    const rules = { ...credentials, autoPause: { idle: hours(2) } };
    const now = new Date();
    const dueAt = (fields: Partial<Demo>) => {
      const used = { ready: ago(hours(5)), used: ago(hours(3)), traces: { seen: 'x', at: ago(minutes(5)) } };
      return upkeepFor([demo({ ...used, ...fields })], rules, now).map(({ name }) => name);
    };

    test('pauses one that nobody has used for that long, and looks at the others from time to time', () => {
      assert.deepEqual(dueAt({}), ['autopause']);
      assert.deepEqual(dueAt({ used: ago(hours(1)) }), []);
      assert.deepEqual(dueAt({ used: ago(hours(1)), traces: { seen: 'x', at: ago(minutes(11)) } }), ['look']);
      assert.deepEqual(dueAt({ used: ago(hours(1)), traces: undefined }), ['look']);
    });

    test('looks before it pauses one that has not been watched', () => {
      assert.deepEqual(dueAt({ traces: undefined }), ['look']);
      assert.deepEqual(dueAt({ traces: { seen: 'x', at: ago(hours(3)) } }), ['look']);
    });

    test('pauses one that nobody but its schedule has used', () => {
      assert.ok(dueAt({ schedule: { everyMs: hours(1), last: now } }).includes('autopause'));
    });

    test('leaves one alone that is not ready, or whose keys are being replaced', () => {
      for (const state of ['creating', 'failed', 'paused'] as const) assert.deepEqual(dueAt({ state }), []);
      assert.deepEqual(dueAt({ replacing: { jobId: 'j', authorities: {}, served: [] } }), []);
    });

    test('asks once for each time that it was used, however many workers find it', () => {
      const idOf = (used: Date) => upkeepFor([demo({ used, traces: { seen: 'x', at: now } })], rules, now)[0]?.dedupeId;
      const used = ago(hours(3));
      assert.equal(idOf(used), idOf(used));
      assert.notEqual(idOf(used), idOf(ago(hours(4))));
    });
  });

  test('is the same request for one turn, whoever finds it, and another for the next turn', () => {
    const ids = [16, 16, 20].map((ran) => upkeepFor([scheduled(minutes(ran))], credentials, new Date())[0]!.dedupeId);
    const sameTurn = scheduled(minutes(16));
    const [first, second] = [1, 2].map(() => upkeepFor([sameTurn], credentials, new Date())[0]!.dedupeId);
    assert.equal(first, second);
    assert.notEqual(ids[0], ids[2]);
  });
});

test('the metrics count scheduled demos by their last verdict, and those that missed two turns', () => {
  const verdict = (outcome: 'pass' | 'fail') => ({ verdict: { outcome, reason: '', at: new Date() } });
  const demos = [
    scheduled(minutes(10), verdict('pass')),
    scheduled(minutes(25), verdict('fail')),
    scheduled(minutes(50), verdict('fail')),
    demo(verdict('fail')), // verified by hand alone
    scheduled(minutes(50), { ...verdict('fail'), expires: ago(1) }),
  ];
  const { scheduled: byVerdict, overdue } = countDemos(demos, new Date());
  assert.deepEqual([byVerdict, overdue], [{ pass: 1, inconclusive: 0, fail: 2 }, 1]);
});
