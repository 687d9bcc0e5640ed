import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1PolicyRule } from '@kubernetes/client-node';
import { readDemoConfig } from '../../../../src/config.js';
import { vcClientManifests } from '../../../../src/k8s/virtual-cluster/vc-client.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const config = readDemoConfig(undefined);
const demo = plannedDemo();
const manifests = (role: 'reader' | 'admin') => vcClientManifests(demo, { ...config, vcClient: { role } });
const ofKind = (kind: string, role: 'reader' | 'admin') => manifests(role).filter((manifest) => manifest.kind === kind);

describe('vc-client', () => {
  it('is hardened as in the source document', () => {
    const { spec } = manifests('reader').at(-1)! as unknown as {
      spec: { template: { spec: { containers: { securityContext: object }[] } } };
    };
    assert.deepEqual(spec.template.spec.containers[0]!.securityContext, {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsUser: 1000,
      runAsGroup: 1000,
    });
  });

  it('has no permissions on Secrets, pods or exec by default, and none to write', () => {
    assert.equal(config.vcClient.role, 'reader');
    const rules = ofKind('Role', 'reader').flatMap(({ rules }) => rules as V1PolicyRule[]);
    const resources = rules.flatMap((rule) => rule.resources!);
    for (const resource of ['secrets', 'pods', 'pods/exec', 'configmaps', '*'])
      assert.equal(resources.includes(resource), false, resource);
    assert.deepEqual([...new Set(rules.flatMap(({ verbs }) => verbs))], ['get', 'list']);
  });

  it("is bound to that role in both of the demo's namespaces", () => {
    const bindings = ofKind('RoleBinding', 'reader');
    assert.deepEqual(
      bindings.map(({ metadata, roleRef }) => [metadata.namespace, (roleRef as { kind: string }).kind]),
      [
        ['demo-vc1', 'Role'],
        ['demo-vc2', 'Role'],
      ],
    );
  });

  it("has the source document's admin role if the configuration says so, in a binding with another name", () => {
    assert.deepEqual(ofKind('Role', 'admin'), []);
    const [binding] = ofKind('RoleBinding', 'admin');
    assert.deepEqual(binding!.roleRef, {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'admin',
    });
    assert.notEqual(binding!.metadata.name, ofKind('RoleBinding', 'reader')[0]!.metadata.name);
  });
});
