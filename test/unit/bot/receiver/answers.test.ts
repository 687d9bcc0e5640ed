import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAnswerMemory } from '../../../../src/bot/receiver/answers.js';

const later = Date.now() + 60_000;

/** Answers with the number of times it was called. */
function counting() {
  let count = 0;
  return () => Promise.resolve({ status: 200, body: String(++count) });
}

test('a repeated request gets the answer of the first, even while that is still pending', async () => {
  const memory = createAnswerMemory();
  const answer = counting();
  const both = await Promise.all([memory.once('a', later, answer), memory.once('a', later, answer)]);
  assert.deepEqual(
    [...both, await memory.once('a', later, answer)].map(({ body }) => body),
    ['1', '1', '1'],
  );
  assert.equal((await memory.once('b', later, answer)).body, '2');
});

test('only the newest answers are remembered, up to a limit', async () => {
  const memory = createAnswerMemory(2);
  const answer = counting();
  for (const signature of ['a', 'b', 'c']) await memory.once(signature, later, answer);
  assert.equal((await memory.once('c', later, answer)).body, '3');
  assert.equal((await memory.once('b', later, answer)).body, '2');
  assert.equal((await memory.once('a', later, answer)).body, '4');
});

test('expired answers make room for new ones', async () => {
  const memory = createAnswerMemory(3);
  const answer = counting();
  await memory.once('old', Date.now() - 1, answer);
  for (const signature of ['a', 'b', 'c']) await memory.once(signature, later, answer);
  assert.equal((await memory.once('a', later, answer)).body, '2');
});
