import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { viewedForMs } from '../../../../src/home-viewers.js';
import { createHomes } from '../../../../src/jobs/worker/homes.js';
import { createLog } from '../../../../src/log.js';

const log = createLog('test', 'silent');

/** Homes that some people have open, on a clock that the test moves. */
function homesOf(test: TestContext, members: string[], failures = 0) {
  test.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 10 * viewedForMs });
  const filled: string[][] = [];
  const forgotten: unknown[] = [];
  const redis = {
    zrevrangebyscore: (_key: string, _max: unknown, least: number) =>
      failures-- > 0 ? Promise.reject(new Error('down')) : Promise.resolve(least > 0 ? members : []),
    zremrangebyscore: (_key: string, _min: unknown, most: number) => Promise.resolve(forgotten.push(most)),
  };
  const homes = createHomes({
    ...{ redis: redis as never, hostCluster: undefined, log },
    fill: (viewers) => Promise.resolve(void filled.push(viewers.map(({ userId }) => userId))),
    pauseMs: { first: 100, next: 1_000 },
  });
  const pass = async (ms: number) => {
    test.mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { homes, filled, forgotten, pass };
}

test('changes that follow each other closely refresh the Homes once', async (test) => {
  const { homes, filled, pass } = homesOf(test, ['U0A D1', 'U0B D2']);
  for (let change = 0; change < 5; change++) homes.changed();
  await pass(100);
  assert.deepEqual(filled, [['U0A', 'U0B']]);
});

test('a change after a refresh is shown later', async (test) => {
  const { homes, filled, pass } = homesOf(test, ['U0A D1']);
  homes.changed();
  await pass(100);
  homes.changed();
  await pass(2_000);
  assert.equal(filled.length, 2);
});

test('people who closed their Home long ago are forgotten, and nothing is shown if nobody has it open', async (test) => {
  const { homes, filled, forgotten, pass } = homesOf(test, []);
  homes.changed();
  await pass(100);
  assert.deepEqual(filled, []);
  assert.deepEqual(forgotten, [9 * viewedForMs + 100]);
});

test('a refresh that failed does not prevent the next one', async (test) => {
  const { homes, filled, pass } = homesOf(test, ['U0A D1'], 1);
  homes.changed();
  await pass(100);
  assert.deepEqual(filled, []);
  homes.changed();
  await pass(2_000);
  assert.equal(filled.length, 1);
});

test('after the end of the worker nothing is refreshed', async (test) => {
  const { homes, filled, pass } = homesOf(test, ['U0A D1']);
  homes.changed();
  homes.close();
  await pass(5_000);
  assert.deepEqual(filled, []);
});
