import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { accessWith } from '../../../../src/k8s/client/server-access.js';
import { TooMuchError } from '../../../../src/k8s/client/api-errors.js';
import { connectCluster, type Cluster } from '../../../../src/k8s/client/cluster.js';
import { list, listMetadata, read, readMetadata, readSecret, ref } from '../../../../src/k8s/client/objects.js';
import { sendJson, startApiStub, status, type Answering, type ApiStub } from '../../../support/api-stub.js';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

const resources = ['Pod', 'Secret', 'Namespace'].map((kind) => ({
  kind,
  name: `${kind.toLowerCase()}s`,
  namespaced: kind !== 'Namespace',
}));

/** An API whose objects the test defines. */
async function apiWhere(answering: Answering): Promise<{ cluster: Cluster; stub: ApiStub }> {
  const stub = await startApiStub((request, response) => {
    if (request.url === '/api/v1') sendJson(response, 200, { resources });
    else answering(request, response);
  });
  const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
  const cluster = connectCluster('vc1', access);
  closing.push(() => (cluster.close(), stub.close()));
  return { cluster, stub };
}

const podsFrom = (first: number, count: number, annotations = {}) =>
  Array.from({ length: count }, (_, index) => ({ metadata: { name: `pod-${first + index}`, annotations } }));

describe('a list', () => {
  test('is read page by page', async () => {
    const { cluster, stub } = await apiWhere(({ url = '' }, response) => {
      const next = new URL(url, 'https://x').searchParams.get('continue');
      const page = { items: podsFrom(next ? 2 : 0, 2), metadata: next ? {} : { continue: 'more&more' } };
      sendJson(response, 200, page);
    });
    const pods = await list(cluster, 'v1', 'Pod', { namespace: 'n', labels: { app: 'x' }, fields: { type: 'y' } });
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.name),
      ['pod-0', 'pod-1', 'pod-2', 'pod-3'],
    );
    assert.deepEqual(stub.asked.slice(1), [
      'GET /api/v1/namespaces/n/pods?labelSelector=app%3Dx&fieldSelector=type%3Dy&limit=250',
      'GET /api/v1/namespaces/n/pods?labelSelector=app%3Dx&fieldSelector=type%3Dy&limit=250&continue=more%26more',
    ]);
  });

  test('starts again when the continue token has expired', async () => {
    let pages = 0;
    const { cluster } = await apiWhere((request, response) => {
      if (++pages === 2) return status(410, 'the provided continue parameter is too old')(request, response);
      sendJson(response, 200, { items: podsFrom(pages * 10, 1), metadata: pages === 1 ? { continue: 'x' } : {} });
    });
    const pods = await list(cluster, 'v1', 'Pod');
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.name),
      ['pod-30'],
    );
  });

  test('is abandoned if it is endless', async () => {
    const { cluster } = await apiWhere((_request, response) =>
      sendJson(response, 200, { items: podsFrom(0, 1000), metadata: { continue: 'more' } }),
    );
    await assert.rejects(list(cluster, 'v1', 'Pod', { namespace: 'n' }), (error: unknown) => {
      assert.ok(error instanceof TooMuchError);
      assert.match(error.message, /^The list of Pod objects in namespace n of vc1 exceeds 5000 objects/);
      assert.ok(error.hint);
      return true;
    });
  });

  test('is abandoned if all its pages together are too large', async () => {
    const annotations = { filler: 'x'.repeat(200_000) };
    let pages = 0;
    const { cluster } = await apiWhere((_request, response) => {
      pages++;
      sendJson(response, 200, { items: podsFrom(0, 10, annotations), metadata: { continue: 'more' } });
    });
    await assert.rejects(list(cluster, 'v1', 'Pod'), TooMuchError);
    assert.ok(pages < 12, `${pages} pages`);
  });

  test('can request only metadata', async () => {
    let accept: string | undefined;
    const { cluster } = await apiWhere(({ headers }, response) => {
      accept = headers.accept;
      sendJson(response, 200, { items: null });
    });
    assert.deepEqual(await listMetadata(cluster, 'v1', 'Secret'), []);
    assert.match(accept!, /as=PartialObjectMetadataList/);
  });
});

describe('an object', () => {
  test('has labels and annotations even if the API omits them', async () => {
    const { cluster } = await apiWhere((_request, response) =>
      sendJson(response, 200, { kind: 'Namespace', metadata: { name: 'n', labels: null } }),
    );
    const { metadata } = (await read(cluster, ref('v1', 'Namespace', 'n')))!;
    assert.deepEqual(metadata, { name: 'n', labels: {}, annotations: {} });
  });

  test('is undefined if it does not exist', async () => {
    const { cluster } = await apiWhere(status(404, 'not found'));
    assert.equal(await readMetadata(cluster, ref('v1', 'Namespace', 'n')), undefined);
  });

  for (const [what, answer, says] of [
    ['without a name', { metadata: {} }, /Namespace n of vc1 cannot be used: its metadata.name/],
    ['with labels that are none', { metadata: { name: 'n', labels: { a: {} } } }, /its metadata.labels.a/],
    ['that is none', [], /its form/],
  ] as const)
    test(`${what} is refused`, async () => {
      const { cluster } = await apiWhere((_request, response) => sendJson(response, 200, answer));
      await assert.rejects(read(cluster, ref('v1', 'Namespace', 'n')), says);
    });

  test('is decoded to texts if it is a Secret', async () => {
    const data = { key: Buffer.from('value').toString('base64') };
    const { cluster } = await apiWhere((_request, response) =>
      sendJson(response, 200, { metadata: { name: 's' }, data }),
    );
    assert.deepEqual(await readSecret(cluster, 's', 'n'), { key: 'value' });
  });
});

describe('pods that are read from a cluster', () => {
  test('come without annotations, in which vcluster keeps tokens', async () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGkifQ.c2lnbmF0dXJl';
    const pod = {
      metadata: { name: 'sleep', annotations: { 'vcluster.loft.sh/token-abcde': token } },
      status: { phase: 'Running' },
    };
    const { cluster } = await apiWhere(({ url = '' }, response) =>
      sendJson(response, 200, url.includes('/pods?') ? { items: [pod, pod] } : pod),
    );
    const pods = [
      ...(await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'demo-vc1' })),
      await read<V1Pod>(cluster, ref('v1', 'Pod', 'sleep', 'demo-vc1')),
    ];
    assert.deepEqual(
      pods.map((each) => each?.status?.phase),
      ['Running', 'Running', 'Running'],
    );
    assert.equal(JSON.stringify(pods).includes(token), false);
  });
});
