import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { atLeast, atMost, twoSided, upperBound } from '../../../../../src/jobs/commands/verify/binomial.js';

const isClose = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) <= 1e-6 * expected, `${value} is not ${expected}`);

/* Expected values were computed with exact fractions, and match R's pbinom and binom.test. */
describe('the binomial distribution', () => {
  test('has exact tails', () => {
    isClose(atMost(3, 12, 0.5), 0.072998046875);
    isClose(atMost(31, 800, 0.1), 6.738211576966204e-11);
    isClose(atMost(0, 96, 0.1), 0.9 ** 96);
    isClose(atLeast(9, 24, 0.1), 0.0003212650319666231);
    isClose(atLeast(1, 2000, 0.001), 1 - 0.999 ** 2000);
  });

  test('has tails that end where all requests do', () => {
    assert.equal(atMost(-1, 10, 0.5), 0);
    assert.equal(atMost(10, 10, 0.5), 1);
    assert.equal(atLeast(0, 10, 0.5), 1);
    assert.equal(atLeast(11, 10, 0.5), 0);
    assert.equal(atLeast(1, 10, 0), 0);
    assert.equal(atMost(9, 10, 1), 0);
  });

  test('gives two-sided p-values', () => {
    isClose(twoSided(3, 12, 0.5), 0.14599609375);
    isClose(twoSided(635, 1000, 0.5), 1.1436383346257428e-17);
    isClose(twoSided(17, 100, 0.1), 0.028435297266484545);
    assert.equal(twoSided(6, 12, 0.5), 1);
  });

  test('bounds a share by what was seen', () => {
    assert.ok(Math.abs(upperBound(3, 12, 0.025) - 0.57185846) < 2e-6);
    assert.ok(Math.abs(upperBound(0, 96, 1e-4) - (1 - 1e-4 ** (1 / 96))) < 2e-6);
    assert.equal(upperBound(5, 5, 1e-4), 1);
  });
});
