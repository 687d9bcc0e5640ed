import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { admissionRuleIds } from '../../../../src/config/admission.js';
import { demoConfig, type DemoConfig } from '../../../../src/config/schema.js';
import { admissionPolicy, policyRules } from '../../../../src/k8s/isolation/admission-policy.js';
import { storageClassesAnnotation } from '../../../../src/k8s/isolation/admission-rules.js';
import type { Manifest } from '../../../../src/k8s/objects.js';
import { enforcePolicies } from '../../../../simulator/admission-policies.js';
import { builtInKinds, groupVersionOf } from '../../../../simulator/kinds.js';
import type { KubeObject } from '../../../../simulator/objects.js';
import { Store } from '../../../../simulator/store.js';
import { admissionCases } from '../../../support/admission-cases.js';

/* The rules in CEL, evaluated by a library; test/contract/admission.test.ts puts the same table to a real API server. */

const namespace = 'demo-vc1';
const configOf = (over: object = {}): DemoConfig => demoConfig.parse({ domain: 'demos.test', ...over });
const config = configOf();

function storeWith(
  policies: Manifest[],
  annotations: Record<string, string> = { [storageClassesAnnotation]: 'standard' },
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

/** What the policy says to a write; undefined where it admits it. */
function refusalOf(store: Store, object: Manifest, { account = '', before, subresource }: Partial<Request> = {}) {
  const kind = builtInKinds.find((one) => one.kind === object.kind && groupVersionOf(one) === object.apiVersion)!;
  const name = account.includes(':') ? account : account ? `system:serviceaccount:${namespace}:${account}` : 'admin';
  const write = { kind, before: before as KubeObject | undefined, subresource, user: { name, groups: [] } };
  try {
    enforcePolicies(store, { ...write, object: JSON.parse(JSON.stringify(object)) as KubeObject });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
interface Request {
  account: string;
  before: Manifest;
  subresource: string;
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

  it('has a case for every rule', () => {
    assert.deepEqual(
      admissionRuleIds.filter((id) => !cases.some(({ refusedBy }) => refusedBy === id)),
      [],
    );
  });
});
