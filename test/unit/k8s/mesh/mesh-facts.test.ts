import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { connectCluster, type Cluster } from '../../../../src/k8s/client/cluster.js';
import { readClusterFacts } from '../../../../src/k8s/mesh/mesh-facts.js';
import { accessWith } from '../../../../src/k8s/client/server-access.js';
import { sendJson, startApiStub, status, type Answering, type ApiStub } from '../../../support/api-stub.js';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function apiWhere(name: string, answering: Answering): Promise<{ cluster: Cluster; stub: ApiStub }> {
  const stub = await startApiStub(answering);
  const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
  const cluster = connectCluster(name, access);
  closing.push(() => (cluster.close(), stub.close()));
  return { cluster, stub };
}

/** vc1 with these remote secrets and nothing else. */
const withSecrets = (...secrets: Record<string, string>[]) =>
  apiWhere('vc1', (request, response) => {
    const { pathname } = new URL(request.url!, 'https://x');
    const items = secrets.map((texts, index) => ({
      metadata: { name: `secret-${index}` },
      data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
    }));
    if (pathname === '/readyz') response.end('ok');
    else if (pathname === '/api/v1')
      sendJson(response, 200, { resources: [{ kind: 'Secret', name: 'secrets', namespaced: true }] });
    else if (pathname.endsWith('/secrets')) sendJson(response, 200, { items });
    else status(404)(request, response);
  });

const kubeconfigOf = (server: string, more: object = {}) =>
  stringify({ clusters: [{ cluster: { server } }], users: [{ user: { token: 'token' } }], ...more });

/** What was asked of an API but for the way to its pods. */
const withoutPods = ({ asked }: ApiStub) => asked.filter((one) => !/ \/api\/v1$|\/pods/.test(one));

async function remoteSecretsOf(cluster: Cluster, other: Cluster, deadlineFactor = 1) {
  const { signal } = new AbortController();
  const facts = await readClusterFacts({ cluster, other, namespace: 'sample', signal, deadlineFactor });
  return facts.remoteSecrets;
}

describe('remote secrets', () => {
  const answer: Answering = (_request, response) => sendJson(response, 200, { items: [] });

  test('are tried for the other cluster alone, and one of them', async () => {
    const { cluster: other, stub } = await apiWhere('vc2', answer);
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`other-${index}`, kubeconfigOf('https://other:443')]),
    );
    const [first, second] = [{ vc2: kubeconfigOf('https://first:443') }, { vc2: kubeconfigOf('https://second:443') }];
    const { cluster } = await withSecrets(many, { ...many, ...first }, second);
    const { value } = await remoteSecretsOf(cluster, other);
    assert.deepEqual(value, [{ cluster: 'vc2', server: 'https://first:443', isAuthority: false }]);
    assert.deepEqual(withoutPods(stub), ['GET /api/v1/services?limit=1']);
  });

  test('of other clusters alone are none', async () => {
    const { cluster: other, stub } = await apiWhere('vc2', answer);
    const { cluster } = await withSecrets({ vc3: kubeconfigOf('https://other:443') });
    assert.deepEqual((await remoteSecretsOf(cluster, other)).value, []);
    assert.deepEqual(withoutPods(stub), []);
  });

  test('that are very long are not parsed', async () => {
    const { cluster: other, stub } = await apiWhere('vc2', answer);
    const { cluster } = await withSecrets({ vc2: kubeconfigOf('https://first:443', { more: 'x'.repeat(16_000) }) });
    const { value } = await remoteSecretsOf(cluster, other);
    assert.deepEqual(value, [{ cluster: 'vc2', server: '', isAuthority: false, refused: 'it is too long' }]);
    assert.deepEqual(withoutPods(stub), []);
  });

  test('are parsed without comparing every key with all others, and without aliases', async () => {
    const { cluster: other } = await apiWhere('vc2', answer);
    const repeated = await withSecrets({ vc2: `${kubeconfigOf('https://first:443')}k: 1\nk: 2\n` });
    assert.equal((await remoteSecretsOf(repeated.cluster, other)).value?.[0]?.server, 'https://first:443');
    const aliased = await withSecrets({ vc2: `${kubeconfigOf('https://first:443')}k: &k 1\nl: *k\n` });
    assert.equal((await remoteSecretsOf(aliased.cluster, other)).value?.[0]?.refused, 'it is not a kubeconfig');
  });

  test('whose API hangs take no longer than the deadline for all of them', async () => {
    const { cluster: other, stub } = await apiWhere('vc2', () => undefined);
    const { cluster } = await withSecrets({ vc2: kubeconfigOf('https://first:443') });
    assert.deepEqual(await remoteSecretsOf(cluster, other, 0.2), { problem: 'no answer within 2 s' });
    assert.deepEqual(withoutPods(stub), ['GET /api/v1/services?limit=1']);
  });
});
