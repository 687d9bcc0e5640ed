import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import type { ApiCall, Cluster } from '../../../../src/k8s/client/cluster.js';
import { assertPermissions, notGranted } from '../../../../src/k8s/permissions/permission-check.js';
import { demoRules } from '../../../../src/k8s/permissions/permissions.js';
import { policyRule } from '../../../../scripts/worker-rules.js';

const config = readDemoConfig(undefined);

describe('a role that was read', () => {
  const needed = [
    { group: '', resources: ['secrets', 'pods/exec'], verbs: ['get', 'create'] },
    { group: 'apps', resources: ['statefulsets'], verbs: ['patch'] },
    { group: 'rbac.authorization.k8s.io', resources: ['clusterroles'], verbs: ['bind'], name: 'admin' },
  ];
  const exact = needed.map(policyRule);
  const lacking = (...rules: Parameters<typeof notGranted>[0]) =>
    notGranted(rules, needed).map(({ resource, verb }) => `${verb} ${resource}`);

  it('grants what its rules say', () => {
    assert.deepEqual(lacking(...exact), []);
    assert.deepEqual(lacking(), [
      'get secrets',
      'create secrets',
      'get pods/exec',
      'create pods/exec',
      'patch statefulsets',
      'bind clusterroles',
    ]);
  });

  it('may grant a permission with several rules, and more than is needed', () => {
    const [core, ...others] = exact;
    const split = ['get', 'create', 'watch'].map((verb) => ({ ...core!, verbs: [verb] }));
    assert.deepEqual(lacking(...split, ...others), []);
  });

  it('does not grant a missing verb, group or subresource', () => {
    const [core, apps, roles] = exact;
    assert.deepEqual(lacking({ ...core!, verbs: ['get'] }, apps!, roles!), ['create secrets', 'create pods/exec']);
    assert.deepEqual(lacking(core!, { ...apps!, apiGroups: [''] }, roles!), ['patch statefulsets']);
    assert.deepEqual(lacking({ ...core!, resources: ['secrets', 'pods'] }, apps!, roles!), [
      'get pods/exec',
      'create pods/exec',
    ]);
  });

  it('is read as RBAC reads it: wildcards, subresources of everything, names', () => {
    const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
    const [core, apps, roles] = exact;
    assert.deepEqual(lacking(everything), []);
    assert.deepEqual(lacking({ ...core!, resources: ['secrets', '*/exec'] }, apps!, roles!), []);
    assert.deepEqual(lacking({ ...core!, resources: ['secrets', 'pods/*'] }, apps!, roles!), [
      'get pods/exec',
      'create pods/exec',
    ]);
    assert.deepEqual(lacking(core!, apps!, { ...roles!, resourceNames: [] }), []);
    assert.deepEqual(lacking(core!, apps!, { ...roles!, resourceNames: ['view'] }), ['bind clusterroles']);
    assert.deepEqual(lacking({ ...core!, resourceNames: ['one'] }, apps!, roles!).length, 4);
  });
});

describe('preflight, of a worker that binds itself', () => {
  const clusterRole = 'bot-demo-vcdemo';
  const rights = { demoClusterRole: clusterRole, claimNamespace: 'vcdemo' };
  const complete = { metadata: { name: clusterRole }, rules: demoRules(config).map(policyRule) };

  /** What people read when these permissions are denied and this is the ClusterRole. */
  async function reads(
    denied: (attributes: Record<string, string>) => boolean,
    role: object | null = complete,
    whenReady: () => unknown = () => 'ok',
  ) {
    const host = stubCluster(({ path, body }) => {
      if (path === '/readyz') return whenReady();
      if (path.endsWith('/selfsubjectaccessreviews')) {
        const { spec } = body as { spec: { resourceAttributes: Record<string, string> } };
        return { status: { allowed: !denied(spec.resourceAttributes) } };
      }
      assert.ok(path.endsWith(`/clusterroles/${clusterRole}`), path);
      if (!role) throw new ApiError('host', 404, 'NotFound', 'not found');
      return role;
    });
    return await assertPermissions(host, config, rights).then(
      () => undefined,
      (error: Error & { hint: string }) => `${error.message}\n${error.hint}`,
    );
  }

  it('passes with all of them', async () => {
    assert.equal(await reads(() => false), undefined);
  });

  it('passes when the API server, which has just started, has read the roles', async () => {
    let isReady = false;
    const denied = () => !isReady;
    assert.equal(await reads(denied, complete, () => (isReady = true)), undefined);
  });

  it('lists in one message what is missing, where, and which role to extend', async () => {
    const some = { ...complete, rules: complete.rules.filter(({ resources }) => !resources.includes('events')) };
    const denied = ({ resource, verb }: Record<string, string>) =>
      (resource === 'namespaces' && verb !== 'get') || resource === 'leases' || verb === 'bind';
    assert.equal(
      await reads(denied, some),
      'The worker does not have all the permissions it needs in the host cluster. ' +
        `Missing cluster-wide: namespaces: create, patch, delete, list; clusterroles.rbac.authorization.k8s.io/${clusterRole}: bind. ` +
        'Missing in namespace vcdemo: leases.coordination.k8s.io: get, create, update, delete. ' +
        `Missing in ClusterRole ${clusterRole}: events: list, create, get, watch; events.events.k8s.io: create, get, list, watch.\n` +
        `Add them to the worker's ClusterRole, the worker's Role in namespace vcdemo, ClusterRole ${clusterRole}, then run the command again. ` +
        'The Helm chart creates these roles (rbac.create).',
    );
  });

  it('names a missing ClusterRole, and stops at one that it cannot read', async () => {
    assert.match((await reads(() => false, null))!, /Missing: ClusterRole bot-demo-vcdemo, named by/);
    const unreadable = await reads(({ resource, verb }) => resource === 'clusterroles' && verb === 'get');
    assert.match(unreadable!, new RegExp(`Missing cluster-wide: clusterroles[^ ]*/${clusterRole}: get\\.\n`));
  });
});

/** A cluster with predefined answers. */
function stubCluster(answer: (call: ApiCall) => unknown): Cluster {
  const resource = (kind: string, name: string) => ({ kind, name, namespaced: false });
  const resources = [
    resource('SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
    resource('ClusterRole', 'clusterroles'),
  ];
  const request = async (call: ApiCall) => (/^\/apis\/[^/]+\/v1$/.test(call.path) ? { resources } : answer(call));
  const cluster: Cluster = {
    name: 'host',
    access: undefined as never,
    request: request as Cluster['request'],
    discovered: new Map(),
    now: () => new Date(),
    with: () => cluster,
    close: () => undefined,
  };
  return cluster;
}
