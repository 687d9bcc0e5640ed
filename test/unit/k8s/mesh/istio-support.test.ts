import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minorsAhead, supportOf } from '../../../../src/k8s/mesh/istio-support.js';

test('a version of Istio supports a range of Kubernetes versions, whoever built them', () => {
  assert.deepEqual(supportOf('1.31.0', 'v1.33.13'), { range: '1.32 to 1.36', fits: true });
  for (const [kubernetes, fits] of [
    ['v1.31.9-gke.100', false],
    ['v1.32.0+k3s1', true],
    ['1.36.1-distroless', true],
    ['v1.37.0', false],
  ] as const)
    assert.equal(supportOf('1.31.2-distroless', kubernetes)?.fits, fits, kubernetes);
});

test('nothing is said of a version of Istio that is not in the table', () => {
  assert.equal(supportOf('1.99.0', 'v1.33.0'), undefined);
  assert.equal(supportOf('latest', 'v1.33.0'), undefined);
  assert.equal(supportOf('constructor', 'v1.33.0'), undefined);
});

test('minor versions are compared as numbers', () => {
  assert.equal(minorsAhead('1.10.0', 'v1.9.3'), 1);
  assert.equal(minorsAhead('1.9.0', '1.31.0'), -22);
  assert.equal(minorsAhead('2.0.0', '1.31.0'), undefined);
  assert.equal(minorsAhead('latest', '1.31.0'), undefined);
});
