import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshRule } from '../../../../../src/k8s/mesh/mesh-rules.js';
import { expectationIn } from '../../../../../src/jobs/commands/verify/expected.js';
import { evenly, nextLook } from '../../../../../src/jobs/commands/verify/shares.js';
import { judgeDirection } from '../../../../../src/jobs/commands/verify/verdict.js';

const virtualService = (weights: Record<string, number>): MeshRule => ({
  ...{ kind: 'VirtualService', name: 'canary', namespace: 'sample', effect: 'routes' },
  weights,
});
const destinationRule = (subsets: Record<string, string>): MeshRule => ({
  ...{ kind: 'DestinationRule', name: 'subsets', namespace: 'sample', effect: 'defines subsets' },
  subsets,
});

test('the weights of a VirtualService are what is expected, and it is named', () =>
  assert.deepEqual(expectationIn([virtualService({ v1: 90, v2: 10 })]), {
    weights: { v1: 90, v2: 10 },
    isStated: true,
    by: 'VirtualService sample/canary',
  }));

test('a DestinationRule says which version a subset is', () => {
  const rules = [virtualService({ stable: 80, canary: 20 }), destinationRule({ stable: 'v2', canary: 'v1' })];
  assert.deepEqual(expectationIn(rules)?.weights, { v1: 20, v2: 80 });
});

test('a rule that keeps a version out is no expectation', () => {
  assert.equal(expectationIn([virtualService({ v1: 100 })]), undefined);
  assert.equal(expectationIn([virtualService({ v1: 100, v2: 0 })]), undefined);
});

test('rules without weights state nothing', () =>
  assert.equal(expectationIn([destinationRule({ v1: 'v1' })]), undefined));

test('the shares of localities are named, because nobody knows which version is where', () => {
  const effect = 'distributes requests by locality: a/* to a/* 80, b/* 20';
  const rule: MeshRule = { ...destinationRule({}), effect, distribution: 'a/* to a/* 80, b/* 20' };
  const expected = expectationIn([rule])!;
  assert.deepEqual(expected, { ...evenly, unjudged: `DestinationRule sample/subsets ${effect}` });
  const times = { times: [], timesByVersion: {}, instances: {}, errors: {} };
  const sequential = { requests: 100, versions: { v1: 70, v2: 30 }, ...times };
  const parallel = { requests: 12, versions: { v1: 9, v2: 3 }, ...times };
  const traffic = { sequential, parallel, endpoints: undefined, retries: undefined };
  const { kind, remarks } = judgeDirection({ from: 'vc1', traffic, expectation: expected }, evenly);
  assert.equal(kind, 'pass');
  assert.match(remarks.join(), /DestinationRule sample\/subsets distributes requests by locality.*--expect/);
  assert.deepEqual(expectationIn([rule, virtualService({ v1: 90, v2: 10 })])?.weights, { v1: 90, v2: 10 });
});

test('weights that turn up after the first requests still have the requests that they need', () =>
  assert.equal(nextLook(24, { weights: { v1: 90, v2: 10 }, isStated: true }), 200));
