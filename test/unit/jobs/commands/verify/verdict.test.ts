import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from '../../../../../src/jobs/commands/verify/verdict.js';

describe('the verdict', () => {
  const judged = (v1: number, v2: number, errors = {}) =>
    verdictOf({ requests: v1 + v2, versions: { v1, v2 }, instances: {}, errors }).kind;

  it('accepts uneven hits, fails with none of a version, and is unsure of few', () => {
    assert.equal(judged(3, 9), 'balanced');
    assert.equal(judged(1, 11), 'unsure');
    assert.equal(judged(12, 0), 'failed');
    assert.equal(judged(3, 0), 'unsure');
    assert.equal(judged(6, 6, { timeout: 1 }), 'failed');
  });
});
