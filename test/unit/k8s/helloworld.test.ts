import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countHits } from '../../../src/k8s/helloworld.js';

describe('counting who answered', () => {
  test('tells only so many different answers apart', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `Hello version: v${index}, instance: pod-${index}`);
    const { versions, instances } = countHits(lines.join('\n'), 100);
    assert.equal(Object.keys(versions).length, 21);
    assert.equal(versions.others, 80);
    assert.equal(instances.others, 80);
  });

  test('counts no more answers than requests were sent', () => {
    const { versions } = countHits('Hello version: v1, instance: a\n'.repeat(50), 12);
    assert.deepEqual(versions, { v1: 12 });
  });

  test('counts versions that are named like properties of every object', () => {
    const { versions } = countHits(
      'Hello version: constructor, instance: a\nHello version: __proto__, instance: a\n',
      2,
    );
    assert.deepEqual({ ...versions }, { constructor: 1, others: 1 });
  });
});
