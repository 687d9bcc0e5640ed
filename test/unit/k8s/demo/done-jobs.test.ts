import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hours } from '../../../../src/duration.js';
import { isOver, mayGoOn, withDone } from '../../../../src/k8s/demo/done-jobs.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const now = new Date('2026-01-01T12:00:00Z');
const after = (ms: number) => new Date(now.getTime() + ms);

test('a job that was done is never done again, however many others somebody has had done since', () => {
  const askedAt = after(1);
  let demo = withDone(plannedDemo({ now, ttlMs: hours(1) }), 'share-a', after(2));
  const isShareOver = () => isOver(demo, { id: 'share-a', askedAt });
  for (let count = 0; count < 2000; count++) {
    assert.ok(isShareOver(), `after ${count} others`);
    demo = withDone(demo, `kubeconfig-${count}`, after(3 + count));
  }
  assert.ok(demo.done.length <= 500);
  assert.equal(isOver(demo, { id: 'extend-a', askedAt: after(3000) }), false, 'a later one is still to be done');
});

test('a create goes on where it was interrupted, but not once it was done and the demo paused, or it was cancelled', () => {
  const job = { id: 'create-a', askedAt: after(1) };
  const begun = { ...plannedDemo({ now, ttlMs: hours(1) }), begun: { jobId: job.id, askedAt: job.askedAt } };
  const done = withDone(begun, job.id, after(2));
  assert.ok(mayGoOn({ ...begun, state: 'creating' }, job));
  assert.ok(mayGoOn({ ...done, state: 'ready' }, job), 'it may still have to show that');
  assert.ok(mayGoOn({ ...begun, state: 'failed' }, job));
  for (const state of ['paused', 'failed', 'deleting'] as const) assert.ok(!mayGoOn({ ...done, state }, job), state);
  assert.ok(!mayGoOn({ ...begun, state: 'creating' }, { ...job, id: 'create-b' }));
});
