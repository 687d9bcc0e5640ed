import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ruleEffect } from '../../../src/k8s/mesh-rules.js';

describe('a rule of Istio', () => {
  test('that routes to subsets says which, with their weights', () => {
    const route = [
      { destination: { host: 'helloworld', subset: 'v1' }, weight: 90 },
      { destination: { host: 'helloworld', subset: 'v2' }, weight: 10 },
    ];
    const spec = { hosts: ['helloworld.sample.svc.cluster.local'], http: [{ route }] };
    assert.equal(ruleEffect('VirtualService', spec), 'routes to subset v1 (90) and subset v2 (10)');
  });

  test('for another host has no effect', () => {
    assert.equal(ruleEffect('VirtualService', { hosts: ['reviews'], http: [] }), undefined);
    assert.equal(ruleEffect('DestinationRule', { host: 'helloworld-canary' }), undefined);
  });

  test('that changes the balancing says how', () => {
    const of = (trafficPolicy?: object) => ruleEffect('DestinationRule', { host: 'helloworld', trafficPolicy });
    assert.match(of({ loadBalancer: { consistentHash: { httpHeaderName: 'x' } } })!, /consistentHash/);
    assert.match(of({ loadBalancer: { localityLbSetting: {} } })!, /localityLbSetting/);
    assert.equal(of({ loadBalancer: { simple: 'RANDOM' } }), 'balances by RANDOM');
    assert.match(of({ outlierDetection: {} })!, /outlierDetection/);
    assert.equal(of(), 'defines subsets');
  });

  test('that allows or denies says so', () => {
    const of = (spec: object) => ruleEffect('AuthorizationPolicy', spec);
    assert.equal(of({ action: 'DENY', rules: [{}] }), 'denies what its rules match');
    assert.equal(of({}), 'allows nothing');
    assert.equal(of({ rules: [{}] }), 'allows only what its rules match');
    assert.equal(of({ action: 'AUDIT', rules: [{}] }), undefined);
  });

  test('that demands mTLS says so', () => {
    assert.equal(ruleEffect('PeerAuthentication', { mtls: { mode: 'STRICT' } }), 'refuses requests without mTLS');
    assert.equal(ruleEffect('PeerAuthentication', { mtls: { mode: 'PERMISSIVE' } }), undefined);
  });

  test('of a form that nobody knows is left out', () =>
    assert.equal(ruleEffect('VirtualService', { hosts: 'helloworld' }), undefined));
});
