import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createPaces } from '../../../src/slack/paces.js';

/** A clock that advances only during pauses; `started` tells when each call had its turn, in milliseconds. */
function onClock(test: TestContext) {
  let now = 1_000_000;
  const start = now;
  test.mock.method(performance, 'now', () => now);
  const started: [string, number][] = [];
  const paces = createPaces(() => 1_000);
  const call = async (name: string, method = 'chat.update', latest = Infinity, onPause = () => {}) => {
    await paces.turn(method, latest, async (ms) => {
      await new Promise(setImmediate); // those before have started by then
      now += ms;
      onPause();
    });
    started.push([name, now - start]);
  };
  return { paces, call, started, later: (ms: number) => void (now += ms), start };
}

test('calls of a method that was limited start one after the other, in their order', async (test) => {
  const { paces, call, started } = onClock(test);
  paces.limit('chat.update', 5_000);
  await Promise.all(['a', 'b', 'c'].map((name) => call(name)));
  assert.deepEqual(started, [
    ['a', 5_000],
    ['b', 6_000],
    ['c', 7_000],
  ]);
});

test('calls of a method that was never limited, or not for a minute, start at once', async (test) => {
  const { paces, call, started, later } = onClock(test);
  paces.limit('chat.postMessage', 5_000);
  await Promise.all(['a', 'b'].map((name) => call(name)));
  later(66_000);
  await Promise.all(['c', 'd'].map((name) => call(name, 'chat.postMessage')));
  assert.deepEqual(
    started.map(([, at]) => at),
    [0, 0, 66_000, 66_000],
  );
});

test('a call that waits for its turn waits longer if the method is limited once more', async (test) => {
  const { paces, call, started } = onClock(test);
  paces.limit('chat.update', 5_000);
  let isLimited = false;
  await call('a', 'chat.update', Infinity, () => {
    if (!isLimited) paces.limit('chat.update', 10_000);
    isLimited = true;
  });
  assert.deepEqual(started, [['a', 15_000]]);
});

test('a call starts at its deadline even if the method is still limited', async (test) => {
  const { paces, call, started, start } = onClock(test);
  paces.limit('views.open', 60_000);
  await call('a', 'views.open', start + 1_000);
  assert.deepEqual(started, [['a', 1_000]]);
});
