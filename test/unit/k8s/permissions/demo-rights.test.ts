import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoRoleBinding } from '../../../../src/k8s/permissions/demo-rights.js';
import { plannedDemo } from '../../../support/planned-demo.js';

describe('the RoleBinding of a worker in a demo’s namespace', () => {
  const owner = { id: 'U1', name: 'alice' };
  const demo = plannedDemo({ owner, now: new Date(), ttlMs: 1 });
  const bindingOf = (user: string) => demoRoleBinding(demo, demo.places[0]!, 'bot-demo-vcdemo', user);

  it('names a ServiceAccount or a user', () => {
    const { subjects, metadata, roleRef } = bindingOf('system:serviceaccount:vcdemo:bot-worker');
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'bot-worker', namespace: 'vcdemo' }]);
    assert.equal(metadata.namespace, 'demo-vc1');
    assert.deepEqual(roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'bot-demo-vcdemo' });
    assert.deepEqual(bindingOf('vcdemo@example.com').subjects, [
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'vcdemo@example.com' },
    ]);
  });
});
