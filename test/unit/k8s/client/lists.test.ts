import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TooMuchError } from '../../../../src/k8s/client/api-errors.js';
import { list, listMetadata } from '../../../../src/k8s/client/lists.js';
import { sendJson, status } from '../../../support/api-stub.js';
import { apiWhere } from '../../../support/object-api.js';

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

  test('is asked for again if its first page has expired, a few times', async () => {
    let asked = 0;
    const { cluster } = await apiWhere((request, response) => {
      if (++asked % 2 === 1) return status(410, 'too old resource version')(request, response);
      sendJson(response, 200, { items: podsFrom(0, 1) });
    });
    assert.equal((await list(cluster, 'v1', 'Pod')).length, 1);
    const { cluster: expired } = await apiWhere(status(410, 'too old resource version'));
    await assert.rejects(list(expired, 'v1', 'Pod'), /too old resource version/);
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
