import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectCluster, type Cluster } from '../../../../src/k8s/client/cluster.js';
import { otherAccess } from '../../../../src/k8s/credentials/other-access.js';
import { removeBindings } from '../../../../src/k8s/credentials/revocation.js';
import { accessWith } from '../../../../src/k8s/client/server-access.js';
import { sendJson, startApiStub, status, type ApiStub } from '../../../support/api-stub.js';

/* A demo's administrator creates more objects than vcdemo reads elsewhere, and larger ones. */

const count = 6_000;
const names = [
  ...Array.from({ length: count }, (_, index) => `a-${index}`),
  'vcdemo-admin-u-old-u0b',
  'vcdemo-admin-u-istio',
];
const filler = 'x'.repeat(90_000);
const binding = (name: string) => ({
  metadata: { name, annotations: name.startsWith('a-1') ? { filler } : {} },
  roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'User', name: 'eve' }],
});
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const kinds = [
  'ClusterRoleBinding',
  'RoleBinding',
  'ClusterRole',
  'Role',
  'Secret',
  'Pod',
  'CertificateSigningRequest',
];
const resources = kinds.map((kind) => ({ kind, name: `${kind.toLowerCase()}s`, namespaced: true }));

describe('revoking access to a virtual cluster with very many bindings', () => {
  let stub: ApiStub;
  let cluster: Cluster;

  before(async () => {
    stub = await startApiStub((request, response) => {
      const url = new URL(request.url!, 'https://x');
      if (['/api/v1', rbac, '/apis/certificates.k8s.io/v1'].includes(url.pathname))
        return sendJson(response, 200, { resources });
      const isOne = url.pathname.startsWith(`${rbac}/clusterrolebindings/`);
      if (request.method === 'DELETE' || isOne) return status(404)(request, response);
      if (url.pathname !== `${rbac}/clusterrolebindings`) return sendJson(response, 200, { items: [] });
      const from = Number(url.searchParams.get('continue') ?? 0);
      const to = from + Number(url.searchParams.get('limit'));
      sendJson(response, 200, {
        items: names.slice(from, to).map(binding),
        metadata: to < names.length ? { continue: String(to) } : {},
      });
    });
    const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
    cluster = connectCluster('vc1', access);
  });
  after(() => {
    cluster.close();
    stub.close();
  });
  const deleted = () => stub.asked.filter((each) => each.startsWith('DELETE')).map((each) => each.split('/').at(-1));

  it('deletes the person’s bindings, the known ones first', async () => {
    await removeBindings(cluster, ['u-bob-u0b', 'u-istio'], 'U0B', 600_000); // however slow the machine is
    assert.deepEqual(deleted(), ['vcdemo-admin-u-bob-u0b', 'vcdemo-admin-u-old-u0b']);
    const first = stub.asked.findIndex((each) => each.startsWith('DELETE'));
    assert.ok(stub.asked.slice(0, first).every((each) => !each.includes('clusterrolebindings?')));
  });

  it('fails, after the known ones, if it has no time to look at all of them', async () => {
    const before = deleted().length;
    const unfinished = { code: 'search-unfinished', message: /^vc1 has too many ClusterRoleBindings/ };
    await assert.rejects(removeBindings(cluster, ['u-bob-u0b'], 'U0B', 0), unfinished);
    assert.deepEqual(deleted().slice(before), ['vcdemo-admin-u-bob-u0b']);
    await removeBindings(cluster, [], undefined, 0);
  });

  it('lists a part of the others, and says that there are more', async () => {
    const found = await otherAccess(cluster, []);
    assert.match(found[0]!, /^more than \d+ ClusterRoleBinding objects; the rest was not checked$/);
    assert.equal(found[1], 'ClusterRoleBinding a-0 (User eve)');
    assert.ok(found.length < 1_000);
  });
});

describe('revoking access of a person whose binding has a finalizer', () => {
  const name = 'vcdemo-admin-u-bob-u0b';
  let stub: ApiStub;
  let cluster: Cluster;
  /** What the API keeps; undefined once it is gone. */
  let kept: { finalizers: string[]; isDeleted: boolean; subjects: unknown } | undefined;
  let isRestored = false;

  before(async () => {
    stub = await startApiStub((request, response) => {
      const { pathname } = new URL(request.url!, 'https://x');
      if (pathname === rbac) return sendJson(response, 200, { resources });
      if (pathname === `${rbac}/clusterrolebindings`) return sendJson(response, 200, { items: [] });
      if (!kept) return status(404)(request, response);
      if (request.method === 'DELETE') kept.isDeleted = true;
      if (request.method === 'PATCH')
        Object.assign(kept, { subjects: null, finalizers: isRestored ? ['x.io/keep'] : [] });
      sendJson(response, 200, { metadata: { name, finalizers: kept.finalizers }, subjects: kept.subjects });
      if (kept.isDeleted && kept.finalizers.length === 0) kept = undefined;
    });
    const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
    cluster = connectCluster('vc1', access);
  });
  after(() => {
    cluster.close();
    stub.close();
  });
  const revoked = async () => {
    kept = { finalizers: ['x.io/keep'], isDeleted: false, subjects: [{ kind: 'User', name: 'u-bob-u0b' }] };
    await removeBindings(cluster, ['u-bob-u0b'], 'U0B');
  };

  it('removes the finalizer too, as the binding would stay in force', async () => {
    await revoked();
    assert.equal(kept, undefined);
  });

  it('fails if somebody keeps restoring it', async () => {
    isRestored = true;
    await assert.rejects(revoked, {
      code: 'binding-kept',
      message: /vcdemo-admin-u-bob-u0b in vc1 could not be deleted/,
    });
  });
});
