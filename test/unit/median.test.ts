import assert from 'node:assert/strict';
import { test } from 'node:test';
import { medianOf } from '../../src/median.js';

test('the median is the middle one, and of two in the middle the smaller one', () => {
  assert.equal(medianOf([30, 10, 20]), 20);
  assert.equal(medianOf([40, 10, 30, 20]), 20);
  assert.equal(medianOf([]), 0);
});
