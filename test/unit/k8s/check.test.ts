import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { holds, lacks, lookFor, pause, waitUntil } from '../../../src/k8s/check.js';

const { signal } = new AbortController();
const briefly = { withinMs: 5, everyMs: 1, signal };

/** Holds the third time. */
function laterCheck() {
  let looks = 0;
  return () => Promise.resolve(++looks < 3 ? lacks(`look ${looks}`) : ({ holds: true, looks } as const));
}

test('a wait returns what the check found once it holds', async () => {
  const wait = { withinMs: 60_000, everyMs: 1, signal };
  assert.equal((await waitUntil('the third look', laterCheck(), wait)).looks, 3);
});

test('a wait that is over names what was awaited and what was last seen', () =>
  assert.rejects(
    waitUntil('a pod', () => Promise.resolve(lacks('it is Pending')), briefly),
    /^Error: timed out after 0 s waiting for a pod; last seen: it is Pending$/,
  ));

test('looking for something returns what was last seen, and throws nothing', async () => {
  assert.deepEqual(await lookFor(() => Promise.resolve(lacks('not there')), briefly), lacks('not there'));
  assert.deepEqual(await lookFor(() => Promise.resolve(holds), briefly), holds);
});

test('a wait ends with the reason of its signal, and with what the check throws', async () => {
  const stopped = AbortSignal.abort(new Error('it was cancelled'));
  await assert.rejects(waitUntil('a pod', laterCheck(), { ...briefly, signal: stopped }), /it was cancelled/);
  const broken = () => Promise.reject(new Error('no permission'));
  await assert.rejects(waitUntil('a pod', broken, briefly), /no permission/);
});

test('many waits for one signal make Node warn of nothing', async () => {
  const { signal: shared } = new AbortController();
  const warned = once(process, 'warning').then(([warning]) => warning as unknown);
  await Promise.all(Array.from({ length: 30 }, () => pause(5, shared)));
  process.emitWarning('the first warning of this test');
  assert.match(String(await warned), /the first warning of this test/);
});
