import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1NetworkPolicy, V1NetworkPolicySpec } from '@kubernetes/client-node';
import { policiesThatCut } from '../../../../src/k8s/workloads/network-policies.js';

const place = (name: string) => ({ namespace: name, namespaceLabels: { 'kubernetes.io/metadata.name': name } });
const from = { ...place('demo-vc1'), labels: { app: 'sleep' }, ip: '10.244.0.7' };
const to = { ...place('demo-vc2'), labels: { app: 'helloworld', version: 'v2' }, ip: '10.244.0.9' };

const policy = (namespace: string, name: string, spec: V1NetworkPolicySpec): V1NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});
const cutBy = (...policies: V1NetworkPolicy[]) => policiesThatCut(policies, { from, to, port: 5000 });
const denyAll = policy('demo-vc2', 'deny', { podSelector: {}, policyTypes: ['Ingress'] });
const of = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });
const ingressFrom = (...peers: object[]) =>
  policy('demo-vc2', 'allow', { podSelector: {}, ingress: [{ from: peers } as object], policyTypes: ['Ingress'] });

describe('NetworkPolicies', () => {
  test('without any, cut nothing', () => assert.deepEqual(cutBy(), []));

  test('that select the pod and allow nothing cut it off', () =>
    assert.deepEqual(cutBy(denyAll), ['demo-vc2/deny (ingress)']));

  test('add up: one that allows is enough', () => assert.deepEqual(cutBy(denyAll, ingressFrom(of('demo-vc1'))), []));

  test('that allow other namespaces alone cut it off', () =>
    assert.deepEqual(cutBy(ingressFrom(of('demo-vc2'))), ['demo-vc2/allow (ingress)']));

  test('with a selector of pods alone mean those of their own namespace', () =>
    assert.deepEqual(cutBy(ingressFrom({ podSelector: { matchLabels: { app: 'sleep' } } })), [
      'demo-vc2/allow (ingress)',
    ]));

  test('of other pods and namespaces do not matter', () => {
    const other = policy('demo-vc2', 'other', {
      podSelector: { matchLabels: { app: 'db' } },
      policyTypes: ['Ingress'],
    });
    assert.deepEqual(cutBy(other, policy('x', 'deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })), []);
  });

  test('cut what leaves, too', () => {
    const egress = (to: object[]) =>
      policy('demo-vc1', 'out', { podSelector: {}, egress: [{ to }], policyTypes: ['Egress'] });
    assert.deepEqual(cutBy(egress([{ ipBlock: { cidr: '10.244.0.0/24' } }])), []);
    const except = { ipBlock: { cidr: '10.244.0.0/24', except: ['10.244.0.8/31'] } };
    assert.deepEqual(cutBy(egress([except])), ['demo-vc1/out (egress)']);
  });

  test('allow ports by number, range or name', () => {
    const on = (ports: object[]) =>
      policy('demo-vc2', 'ports', { podSelector: {}, ingress: [{ ports }], policyTypes: ['Ingress'] });
    assert.deepEqual(cutBy(on([{ port: 80 }])), ['demo-vc2/ports (ingress)']);
    assert.deepEqual(cutBy(on([{ port: 4000, endPort: 6000 }])), []);
    assert.deepEqual(cutBy(on([{ port: 'http' }])), []);
    assert.deepEqual(cutBy(on([{ port: 5000, protocol: 'UDP' }])), ['demo-vc2/ports (ingress)']);
  });

  test('select by expressions', () => {
    const select = (operator: string, values?: string[]) =>
      policy('demo-vc2', 'by', {
        podSelector: { matchExpressions: [{ key: 'version', operator, ...(values && { values }) }] },
        policyTypes: ['Ingress'],
      });
    assert.equal(cutBy(select('In', ['v2'])).length, 1);
    assert.equal(cutBy(select('NotIn', ['v2'])).length, 0);
    assert.equal(cutBy(select('Exists')).length, 1);
    assert.equal(cutBy(select('DoesNotExist')).length, 0);
  });
});
