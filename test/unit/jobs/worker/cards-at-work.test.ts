import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCards } from '../../../../src/jobs/worker/cards-at-work.js';

/** Queues with so many active jobs. */
function redisWith(lengths: Record<string, number>) {
  const redis = { status: 'ready' as const, asked: 0, isDown: false };
  const llen = (list: string) => {
    redis.asked++;
    return redis.isDown ? Promise.reject(new Error('down')) : Promise.resolve(lengths[list] ?? 0);
  };
  return Object.assign(redis, { llen });
}
const counted = () => new Promise(setImmediate);

test('the cards of all host clusters share the edits that Slack allows', async () => {
  const lengths = { 'bull:provisioning-eu:active': 3, 'bull:removal-us:active': 2, 'bull:verification-eu:active': 7 };
  const cards = countCards(redisWith(lengths) as never, ['eu', 'us']);
  assert.equal(cards(), 1);
  await counted();
  assert.equal(cards(), 5);
});

test('a worker of the only host cluster counts at least its own card', async () => {
  const cards = countCards(redisWith({}) as never, []);
  cards();
  await counted();
  assert.equal(cards(), 1);
});

test('cards are not counted at every edit, and the last count stays while Redis is down', async () => {
  let now = 0;
  const redis = redisWith({ 'bull:provisioning:active': 4 });
  const cards = countCards(redis as never, [], () => now);
  cards();
  await counted();
  const { asked } = redis;
  assert.deepEqual([cards(), cards()], [4, 4]);
  assert.equal(redis.asked, asked);
  redis.isDown = true;
  now = 60_000;
  cards();
  await counted();
  assert.ok(redis.asked > asked);
  assert.equal(cards(), 4);
});
