import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TooMuchError } from '../../../../src/k8s/client/api-errors.js';
import { connectCluster } from '../../../../src/k8s/client/cluster.js';
import { readMeshRules, ruleOf, type MeshRule } from '../../../../src/k8s/mesh/mesh-rules.js';
import { accessWith } from '../../../../src/k8s/client/server-access.js';
import { sendJson, startApiStub } from '../../../support/api-stub.js';

const ruleIn = (kind: MeshRule['kind'], spec: object, namespace = 'sample') =>
  ruleOf(kind, { metadata: { name: 'rule', labels: {}, annotations: {} }, spec }, namespace, 'sample');
const ruleEffect = (kind: MeshRule['kind'], spec: object) => ruleIn(kind, spec)?.effect;

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

  test('of a gateway alone says nothing about requests from pod to pod', () => {
    const route = [{ destination: { host: 'helloworld', subset: 'v1' }, weight: 100 }];
    const of = (gateways: string[]) => ruleIn('VirtualService', { hosts: ['*'], gateways, http: [{ route }] });
    assert.equal(of(['helloworld-gateway']), undefined);
    assert.deepEqual(of(['helloworld-gateway', 'mesh'])?.weights, { v1: 100 });
  });

  test('names helloworld in any length; without dots, it means that of its own namespace', () => {
    const isMeant = (host: string, namespace?: string) => ruleIn('DestinationRule', { host }, namespace) !== undefined;
    for (const host of [
      'helloworld',
      'helloworld.sample',
      'helloworld.sample.svc',
      'helloworld.sample.svc.cluster.local',
    ])
      assert.ok(isMeant(host), host);
    for (const host of ['*', '*.local', '*.sample.svc.cluster.local']) assert.ok(isMeant(host), host);
    for (const host of ['*.example.com', '*.other.svc.cluster.local', 'helloworld.other', 'hello'])
      assert.ok(!isMeant(host), host);
    assert.ok(!isMeant('helloworld', 'istio-system'));
    assert.ok(isMeant('helloworld.sample.svc.cluster.local', 'istio-system'));
  });

  test('that makes requests fail or wait says how', () => {
    const of = (http: object) => ruleIn('VirtualService', { hosts: ['helloworld'], http: [http] });
    const abort = { httpStatus: 500, percentage: { value: 20 } };
    assert.equal(of({ fault: { abort } })?.disturbs, 'answers 20 % of the requests with HTTP 500 itself (fault)');
    assert.equal(
      of({ fault: { delay: { fixedDelay: '7s' } } })?.disturbs,
      'delays 100 % of the requests by 7s (fault)',
    );
    assert.equal(of({ fault: { delay: { fixedDelay: '7s', percentage: { value: 0 } } } })?.disturbs, undefined);
    assert.equal(of({ directResponse: { status: 418 } })?.disturbs, 'answers with HTTP 418 itself (directResponse)');
    assert.equal(of({ rewrite: { uri: '/bye' } })?.disturbs, 'rewrites the path to /bye');
    assert.equal(of({ timeout: '0.1s' })?.limits, 'gives up after 0.1s (timeout)');
    const { disturbs, limits } = of({ route: [{ destination: { host: 'helloworld' } }] })!;
    assert.deepEqual([disturbs, limits], [undefined, undefined]);
  });

  test('that switches mTLS off or limits connections says so', () => {
    const of = (trafficPolicy: object) => ruleIn('DestinationRule', { host: 'helloworld', trafficPolicy });
    assert.match(of({ tls: { mode: 'DISABLE' } })!.disturbs!, /without the mesh's mTLS \(tls mode DISABLE\)/);
    assert.equal(of({ tls: { mode: 'ISTIO_MUTUAL' } })?.disturbs, undefined);
    assert.match(of({ connectionPool: { http: { http1MaxPendingRequests: 1 } } })!.limits!, /connectionPool/);
  });

  test('that changes the balancing says how', () => {
    const of = (trafficPolicy?: object) => ruleEffect('DestinationRule', { host: 'helloworld', trafficPolicy });
    assert.match(of({ loadBalancer: { consistentHash: { httpHeaderName: 'x' } } })!, /consistentHash/);
    assert.match(of({ loadBalancer: { localityLbSetting: {} } })!, /localityLbSetting/);
    assert.equal(of({ loadBalancer: { simple: 'RANDOM' } }), 'balances by RANDOM');
    assert.match(of({ outlierDetection: {} })!, /outlierDetection/);
    assert.equal(of(), 'defines subsets');
  });

  test('that distributes by locality says its shares', () => {
    const localityLbSetting = { distribute: [{ from: 'a/*', to: { 'a/*': 80, 'b/*': 20 } }] };
    const spec = { host: 'helloworld', trafficPolicy: { loadBalancer: { localityLbSetting } } };
    const rule = ruleOf('DestinationRule', { metadata: { name: 'rule', labels: {}, annotations: {} }, spec }, 'sample');
    assert.equal(rule?.distribution, 'a/* to a/* 80, b/* 20');
    assert.equal(rule?.effect, 'distributes requests by locality: a/* to a/* 80, b/* 20');
    const off = { ...localityLbSetting, enabled: false };
    const disabled = { host: 'helloworld', trafficPolicy: { loadBalancer: { localityLbSetting: off } } };
    assert.doesNotMatch(ruleEffect('DestinationRule', disabled)!, /distributes/);
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

describe('the rules of a cluster', () => {
  const kinds = ['VirtualService', 'DestinationRule', 'AuthorizationPolicy', 'PeerAuthentication'];

  /** Reads them from an API that answers when all lists were asked for, each with one PeerAuthentication of so many bytes. */
  async function rulesOf(bytes: number) {
    const waiting: (() => void)[] = [];
    const stub = await startApiStub(({ url = '' }, response) => {
      if (!url.includes('/namespaces/')) {
        const resources = kinds.map((kind) => ({ kind, name: kind.toLowerCase(), namespaced: true }));
        return sendJson(response, 200, { resources });
      }
      const spec = { mtls: { mode: 'STRICT' }, more: 'x'.repeat(bytes) };
      waiting.push(() => sendJson(response, 200, { items: [{ metadata: { name: 'rule' }, spec }] }));
      if (waiting.length === 2 * kinds.length) waiting.forEach((answer) => answer());
    });
    const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
    const cluster = connectCluster('vc1', access);
    try {
      const rules = await readMeshRules(cluster, 'sample').catch((error: unknown) => error);
      return rules;
    } finally {
      cluster.close();
      stub.close();
    }
  }

  test('of all kinds and namespaces are listed side by side', async () => {
    const rules = await rulesOf(10);
    const isStrict = { kind: 'PeerAuthentication', name: 'rule', effect: 'refuses requests without mTLS' };
    assert.deepEqual((rules as { kind: string }[]).slice(-2), [
      { ...isStrict, namespace: 'sample' },
      { ...isStrict, namespace: 'istio-system' },
    ]);
  });

  test('are read up to one limit for all lists', async () => {
    const rules = await rulesOf(3_000_000);
    assert.ok(rules instanceof TooMuchError);
    assert.match(rules.message, /^The list of Istio's rules in vc1 exceeds 8 MB/);
  });
});
