import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { list } from '../../../../src/k8s/client/lists.js';
import { read, readMetadata, readSecret } from '../../../../src/k8s/client/objects.js';
import { ref } from '../../../../src/k8s/client/manifest.js';
import { sendJson, status } from '../../../support/api-stub.js';
import { apiWhere } from '../../../support/object-api.js';

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
