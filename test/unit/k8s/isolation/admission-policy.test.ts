import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { admissionRuleIds } from '../../../../src/config/admission.js';
import { demoConfig, type DemoConfig } from '../../../../src/config/schema.js';
import { admissionPolicy, policyRules } from '../../../../src/k8s/isolation/admission-policy.js';
import { passthroughIngress, passthroughRoute } from '../../../../src/k8s/virtual-cluster/exposure.js';
import {
  admissionRules,
  storageClassesAnnotation,
  variables,
  workerAnnotation,
} from '../../../../src/k8s/isolation/admission-rules.js';
import type { Manifest } from '../../../../src/k8s/client/manifest.js';
import { demoRuleParts } from '../../../../src/k8s/permissions/permissions.js';
import { enforcePolicies } from '../../../../simulator/admission-policies.js';
import { builtInKinds, groupVersionOf, type Kind } from '../../../../simulator/kinds.js';
import type { KubeObject } from '../../../../simulator/objects.js';
import { Store } from '../../../../simulator/store.js';
import { admissionCases } from '../../../support/admission-cases.js';

/* The CEL rules, evaluated by a library; test/contract/admission.test.ts runs the same table on a real API server. */

const namespace = 'demo-vc1';
const configOf = (over: object = {}): DemoConfig => demoConfig.parse({ domain: 'demos.test', ...over });
const config = configOf();

function storeWith(
  policies: Manifest[],
  annotations: Record<string, string> = { [storageClassesAnnotation]: 'standard', [workerAnnotation]: 'admin' },
) {
  const store = new Store();
  const labels = {
    'app.kubernetes.io/managed-by': 'vcdemo',
    'vcdemo.io/demo': 'demo',
    'vcdemo.io/virtual-cluster': 'vc1',
  };
  const add = (resource: string, object: object) => store.create(resource, structuredClone(object) as KubeObject);
  add('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels, annotations } });
  add('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  for (const policy of policies)
    add(`${policy.kind.toLowerCase().replace(/y$/, 'ie')}s.admissionregistration.k8s.io`, policy);
  return store;
}

/** The policy's refusal of a write; undefined if it is admitted. */
function refusalOf(
  store: Store,
  object: Manifest,
  { account = '', before, subresource, deletedWith }: Partial<Request> = {},
) {
  const kind =
    builtInKinds.find((one) => one.kind === object.kind && groupVersionOf(one) === object.apiVersion) ??
    customKind(object);
  const name = account.includes(':') ? account : account ? `system:serviceaccount:${namespace}:${account}` : 'admin';
  const write = { kind, before: before as KubeObject | undefined, subresource, user: { name, groups: [] } };
  const written = JSON.parse(JSON.stringify(object)) as KubeObject;
  const deletion = { object: undefined, before: written, ...(deletedWith && { options: deletedWith }) };
  try {
    enforcePolicies(store, { ...write, ...(deletedWith ? deletion : { object: written }) });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
function customKind({ apiVersion, kind }: Manifest): Kind {
  const [group = '', version = ''] = apiVersion.split('/');
  const plural = `${kind.toLowerCase()}s`;
  return { group, version, kind, plural, namespaced: true, shortNames: [], hasStatus: true };
}
interface Request {
  account: string;
  before: Manifest;
  subresource: string;
  /** The options, if the object is deleted. */
  deletedWith: object;
}

const cases = admissionCases({
  namespace,
  demo: 'demo',
  cluster: 'vc1',
  domain: 'demos.test',
  proxyImage: 'docker.io/istio/proxyv2:1.30.0',
  storageClass: 'standard',
});

describe('the admission policy', () => {
  const store = storeWith(admissionPolicy(config));
  const messageOf = (id: string) => policyRules(config).find((rule) => rule.id === id)!.message;

  for (const { name, object, refusedBy, account } of cases)
    it(`${refusedBy ? 'refuses' : 'admits'} ${name}${account ? `, from ${account}` : ''}`, () => {
      const refusal = refusalOf(store, object, { account: account ?? '' });
      if (refusedBy) assert.ok(refusal?.endsWith(`denied request: ${messageOf(refusedBy)}`), refusal ?? 'admitted');
      else assert.equal(refusal, undefined);
    });

  it('lets OpenShift Routes have only the demo’s own hostnames', () => {
    const routeTo = (hostname: string) =>
      passthroughRoute({ name: 'a', namespace, labels: {}, hostname, service: 'vc1', port: 443 });
    assert.equal(refusalOf(store, routeTo('demo-vc1.demos.test')), undefined);
    assert.match(refusalOf(store, routeTo('other-vc1.demos.test')) ?? '', /\(rule host-names,/);
  });

  it('checks changes, and ignores objects that are only being deleted', () => {
    const pod = (spec: object, metadata: object = {}) =>
      ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a', namespace, ...metadata },
        spec: { containers: [], ...spec },
      }) as Manifest;
    const privileged = { hostPID: true, nodeName: 'node-1' };
    assert.equal(
      refusalOf(store, pod({ nodeName: 'node-1' }), { before: pod({}) }),
      undefined,
      'the scheduler’s choice',
    );
    assert.match(refusalOf(store, pod(privileged), { before: pod({}) }) ?? '', /\(rule host-namespaces,/);
    const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    const before = pod(privileged, { ...deleted, finalizers: ['example.com/a'] });
    assert.equal(refusalOf(store, pod(privileged, deleted), { before }), undefined);
    assert.match(refusalOf(store, pod({ ...privileged, hostIPC: true }, deleted), { before }) ?? '', /\(rule/);
    assert.match(
      refusalOf(store, pod(privileged), { before: pod({}), subresource: 'ephemeralcontainers' }) ?? '',
      /\(rule host-namespaces,/,
    );
    assert.equal(refusalOf(store, pod(privileged), { before: pod({}), subresource: 'status' }), undefined);
  });

  describe('on the status of a pod', () => {
    const pod = (status: object, metadata: object = {}) =>
      ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a', namespace, labels: { app: 'a' }, annotations: { a: 'b' }, ...metadata },
        spec: { containers: [] },
        status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], ...status },
      }) as Manifest;
    const written = (after: Manifest, account: string, before = pod({})) =>
      refusalOf(store, after, { before, account, subresource: 'status' });
    const conditions = [{ type: 'example.com/gate', status: 'True' }];
    const attacks: [string, Manifest, Manifest?][] = [
      ['the address of the API server', pod({ podIP: '192.0.2.1', podIPs: [{ ip: '192.0.2.1' }] })],
      ['a second address', pod({ podIPs: [{ ip: '10.0.0.1' }, { ip: '192.0.2.1' }] })],
      ['no address', pod({ podIPs: undefined })],
      ['a field that was not there', pod({ hostIP: '192.0.2.1' })],
      ['another phase', pod({ phase: 'Succeeded' })],
      ['a label', pod({}, { labels: { app: 'b' } })],
      ['an annotation', pod({}, { annotations: {} })],
      [
        'the address of a pod that is being deleted',
        pod({ podIP: '192.0.2.1' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        pod({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ],
    ];
    for (const [what, after, before] of attacks)
      it(`keeps the accounts of tenants from changing ${what}, and nobody else`, () => {
        for (const account of ['vc-vc1', 'default', 'system:serviceaccount:demo-vc2:vc-client'])
          assert.match(written(after, account, before) ?? 'admitted', /\(rule pod-status,/);
        for (const account of ['system:node:node-1', 'system:serviceaccount:kube-system:calico-node'])
          assert.equal(written(after, account, before), undefined);
      });

    it('lets vcluster set conditions, also on a pod whose status is empty', () => {
      assert.equal(written(pod({ conditions }), 'vc-vc1'), undefined);
      const empty = { ...pod({}), status: undefined } as unknown as Manifest;
      assert.equal(written({ ...empty, status: { conditions } } as Manifest, 'vc-vc1', empty), undefined);
    });

    it('lets tenants write no other status', () => {
      const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'a', namespace } };
      const after = { ...claim, status: { phase: 'Bound' } } as Manifest;
      assert.match(written(after, 'vc-vc1', claim) ?? 'admitted', /\(rule kinds,/);
    });
  });

  it('lets nobody but the worker expose a demo, whatever the names', () => {
    const own = passthroughIngress('nginx', {
      ...{ name: 'a', namespace, labels: {}, hostname: 'demo-vc1.demos.test', service: 'vc1', port: 443 },
    });
    const toOther = passthroughIngress('nginx', {
      ...{ name: 'a', namespace, labels: {}, hostname: 'demo-vc1.demos.test', service: 'app-x-a-x-vc1', port: 443 },
    });
    const stranger = 'system:serviceaccount:prod:deployer';
    assert.equal(refusalOf(store, own), undefined);
    assert.match(refusalOf(store, own, { account: stranger }) ?? '', /\(rule route-accounts,/);
    assert.match(refusalOf(store, toOther, { account: stranger, before: own }) ?? '', /\(rule route-accounts,/);
    const finalized = { ...own, metadata: { ...own.metadata, finalizers: ['example.com/a'] } };
    assert.equal(refusalOf(store, finalized, { account: stranger, before: own }), undefined);
    const openshift = 'system:serviceaccount:openshift-route-controller-manager:route-controller-manager-sa';
    assert.equal(refusalOf(store, own, { account: openshift }), undefined);
    const earlier = storeWith(admissionPolicy(config), {});
    assert.equal(
      refusalOf(earlier, own, { account: stranger }),
      undefined,
      'a namespace that does not name the worker',
    );
  });

  it('lets Kubernetes’ own controllers write Endpoints and bind claims', () => {
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'a', namespace } };
    for (const account of ['system:serviceaccount:kube-system:endpoint-controller', 'system:kube-controller-manager'])
      assert.equal(refusalOf(store, endpoints, { account }), undefined);
    assert.match(refusalOf(store, endpoints) ?? '', /\(rule endpoints,/);
    const claim = (spec: object) =>
      ({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'a', namespace },
        spec: { storageClassName: 'standard', ...spec },
      }) as Manifest;
    const bound = claim({ volumeName: 'pvc-1' });
    const account = 'system:serviceaccount:kube-system:persistent-volume-binder';
    assert.equal(refusalOf(store, bound, { before: claim({}), account }), undefined);
    assert.equal(refusalOf(store, bound, { before: bound }), undefined);
    assert.match(refusalOf(store, bound, { before: claim({}) }) ?? '', /\(rule volume-name,/);
  });

  it('lets no tenant delete a pod in such a way that it goes on for years', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace }, spec: { containers: [] } };
    const years = { gracePeriodSeconds: 315_360_000 };
    const controller = 'system:serviceaccount:kube-system:namespace-controller';
    assert.equal(refusalOf(store, pod, { account: controller, deletedWith: years }), undefined);
    for (const account of ['vc-vc1', 'vc-client']) {
      const deleted = (deletedWith: object) => refusalOf(store, pod, { account, deletedWith });
      assert.match(deleted(years) ?? 'admitted', /\(rule grace-period,/);
      for (const options of [{}, { gracePeriodSeconds: 0 }, { gracePeriodSeconds: 120 }])
        assert.equal(deleted(options), undefined);
    }
  });

  it('lets nobody but the worker write Helm releases, and others change what is not the release', () => {
    const release = (data: object = { release: 'YQ==' }, labels: object = {}) =>
      ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'sh.helm.release.v1.vc1.v1',
          namespace,
          labels: { owner: 'helm', name: 'vc1', status: 'deployed', ...labels },
        },
        type: 'helm.sh/release.v1',
        data,
      }) as Manifest;
    const stranger = { account: 'system:serviceaccount:prod:deployer' };
    assert.equal(refusalOf(store, release()), undefined);
    assert.equal(refusalOf(store, release({ release: 'Yg==' }), { before: release() }), undefined);
    for (const account of ['vc-vc1', 'vc-client', stranger.account, 'system:serviceaccount:kube-system:any']) {
      assert.match(refusalOf(store, release(), { account }) ?? 'admitted', /\(rule helm-releases,/);
      for (const after of [release({ release: 'Yg==' }), release(undefined, { status: 'superseded' })])
        assert.match(refusalOf(store, after, { account, before: release() }) ?? 'admitted', /\(rule helm-releases,/);
    }
    assert.equal(refusalOf(store, release(), { ...stranger, before: release() }), undefined);
    const earlier = storeWith(admissionPolicy(config), {});
    assert.equal(refusalOf(earlier, release(), stranger), undefined, 'a namespace that does not name the worker');
    assert.match(refusalOf(earlier, release(), { account: 'vc-vc1' }) ?? 'admitted', /\(rule helm-releases,/);
  });

  it('covers the namespaces of demos and no others', () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', namespace: 'other' },
      spec: { containers: [], hostPID: true },
    };
    assert.equal(refusalOf(store, pod), undefined);
  });

  it('changes its version only if the configuration changes what it allows', () => {
    const versionOf = (over: object) =>
      /policy vcdemo-demos (\w+)\)$/.exec(policyRules(configOf(over))[0]!.message)![1];
    assert.equal(versionOf({ ttl: { default: '1h' } }), versionOf({}));
    const versions = [
      {},
      { istio: { tag: '1.31.0' } },
      { domain: 'other.test' },
      { isolation: { allow: ['service-type'] } },
      { isolation: { also: { storageClasses: ['gold'] } } },
    ].map(versionOf);
    assert.equal(new Set(versions).size, versions.length);
  });

  it('leaves out what the configuration allows, and admits what it lists', () => {
    const isolation = {
      allow: ['service-type'],
      also: { storageClasses: ['gold'], tolerations: ['dedicated'], runtimeClasses: ['gvisor'] },
    };
    const relaxed = storeWith(admissionPolicy(configOf({ isolation })));
    const refused = cases.filter(({ object, account }) => refusalOf(relaxed, object, { account: account ?? '' }));
    const names = refused.map(({ name }) => name);
    for (const name of ['a LoadBalancer', 'a class that is not listed', 'somebody’s reserved nodes'])
      assert.ok(!names.includes(name), name);
    assert.ok(names.includes('a claim of the listed class'), 'only listed classes, where any is');
    assert.deepEqual(admissionPolicy(configOf({ isolation: { admission: 'off' } })), []);
  });

  it('has a case for every rule', () => {
    assert.deepEqual(
      admissionRuleIds.filter((id) => !cases.some(({ refusedBy }) => refusedBy === id)),
      [],
    );
  });
});

describe('the rule on host names', () => {
  const exposing = Object.entries(demoRuleParts.exposure).flatMap(([kind, rules]) =>
    rules.flatMap(({ group, resources }) =>
      resources.filter((name) => !name.includes('/')).map((name) => [kind, `'${group}/${name}'`] as const),
    ),
  );
  for (const [kind, resource] of exposing)
    it(`judges ${resource}, which the worker may write for exposure by ${kind}`, () => {
      assert.ok(variables.route!.includes(resource));
      assert.ok(admissionRules['host-names'].allows.includes(resource));
    });
});
