import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import type { ApiCall, Cluster } from '../../../src/k8s/cluster.js';
import { list, read, ref } from '../../../src/k8s/objects.js';

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGkifQ.c2lnbmF0dXJl';
const pod = () => ({
  kind: 'Pod',
  metadata: { name: 'sleep', annotations: { 'vcluster.loft.sh/token-abcde': token } },
  status: { phase: 'Running' },
});

const host = {
  name: 'host',
  request: ({ path }: ApiCall) =>
    Promise.resolve(
      path === '/api/v1'
        ? { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] }
        : path.endsWith('/pods')
          ? { items: [pod(), pod()] }
          : pod(),
    ),
  discovered: new Map(),
} as unknown as Cluster;

describe('pods that are read from a cluster', () => {
  it('come without their annotations, in which vcluster keeps tokens', async () => {
    const pods = [
      ...(await list<V1Pod>(host, 'v1', 'Pod', { namespace: 'demo-vc1' })),
      await read<V1Pod>(host, ref('v1', 'Pod', 'sleep', 'demo-vc1')),
    ];
    assert.equal(pods.length, 3);
    assert.equal(JSON.stringify(pods).includes(token), false);
    assert.deepEqual(
      pods.map((each) => each?.status?.phase),
      ['Running', 'Running', 'Running'],
    );
  });
});
