import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import type { ApiCall, Cluster } from '../../../../src/k8s/client/cluster.js';
import { retryPods } from '../../../../src/k8s/workloads/nudge.js';

const event = (name: string) => ({
  metadata: { name: `${name}.1` },
  involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace: 'sample' },
  reason: 'SyncError',
});

/** A virtual cluster with these events, where pods called `gone` have been deleted. */
function clusterWith(events: object[]): { cluster: Cluster; patched: string[] } {
  const patched: string[] = [];
  const request = (call: ApiCall): Promise<unknown> => {
    if (call.path === '/api/v1')
      return Promise.resolve({
        resources: [
          { name: 'events', kind: 'Event', namespaced: true },
          { name: 'pods', kind: 'Pod', namespaced: true },
        ],
      });
    if (call.path === '/api/v1/events') {
      assert.equal(call.query?.fieldSelector, 'reason=SyncError,type=Warning');
      return Promise.resolve({ items: events, metadata: { continue: 'more' } });
    }
    if (call.method === 'GET') return Promise.resolve({ items: [] });
    assert.equal(call.method, 'PATCH');
    if (call.path.endsWith('/gone')) throw new ApiError('vc1', 404, 'NotFound', 'not found');
    patched.push(call.path);
    return Promise.resolve({});
  };
  return { cluster: { name: 'vc1', request, discovered: new Map() } as unknown as Cluster, patched };
}

describe('what the host cluster refused', () => {
  it('is touched once, so that vcluster retries, and skipped if it is gone', async () => {
    const { cluster, patched } = clusterWith([event('a'), event('gone'), event('a'), event('b')]);
    await retryPods(cluster, 'sample');
    assert.deepEqual(patched, ['/api/v1/namespaces/sample/pods/a', '/api/v1/namespaces/sample/pods/b']);
  });

  it('is touched within limits, however many events a tenant writes', async () => {
    const { cluster, patched } = clusterWith(Array.from({ length: 5000 }, (_, index) => event(`pod-${index}`)));
    await retryPods(cluster, 'sample');
    assert.equal(patched.length, 50);
  });
});

describe('pods of a namespace', () => {
  interface PodLike {
    reason?: string;
    owner?: boolean;
    labels?: object;
    nodeName?: string | undefined;
  }
  const pod = (name: string, { reason, owner = true, labels = {}, nodeName = 'node1' }: PodLike = {}) => ({
    metadata: {
      ...{ name, namespace: 'n', uid: `uid-${name}`, labels },
      ...(owner && { ownerReferences: [{ kind: 'StatefulSet', name: 'vc1', controller: true }] }),
    },
    spec: { ...(nodeName && { nodeName }) },
    status: {
      containerStatuses: [{ name: 'c', state: reason === undefined ? { running: {} } : { waiting: { reason } } }],
    },
  });

  async function changesOf(pods: object[]): Promise<unknown[]> {
    const changes: unknown[] = [];
    const request = ({ method, path, body }: ApiCall): Promise<unknown> => {
      if (path === '/api/v1')
        return Promise.resolve({
          resources: ['Pod', 'Event'].map((kind) => ({ name: `${kind.toLowerCase()}s`, kind, namespaced: true })),
        });
      if (method === 'GET') return Promise.resolve({ items: path === '/api/v1/namespaces/n/pods' ? pods : [] });
      const { preconditions } = body as { preconditions?: unknown };
      changes.push([method, path, ...(preconditions === undefined ? [] : [preconditions])]);
      return Promise.resolve({});
    };
    await retryPods({ name: 'vc1', request, discovered: new Map() } as unknown as Cluster, 'n');
    return changes;
  }

  it('are replaced if the kubelet lets them wait, they have a controller and are not copies for a tenant', async () => {
    const changes = await changesOf([
      pod('vc1-0', { reason: 'CrashLoopBackOff' }),
      pod('pulls', { reason: 'ImagePullBackOff' }),
      pod('runs'),
      pod('starts', { reason: 'ContainerCreating' }),
      pod('alone', { reason: 'CrashLoopBackOff', owner: false }),
      pod('synced', { reason: 'CrashLoopBackOff', labels: { 'vcluster.loft.sh/managed-by': 'vc1' } }),
    ]);
    assert.deepEqual(
      changes,
      ['vc1-0', 'pulls'].map((name) => ['DELETE', `/api/v1/namespaces/n/pods/${name}`, { uid: `uid-${name}` }]),
    );
  });

  it('are touched if vcluster has not bound them to a node', async () => {
    assert.deepEqual(await changesOf([pod('runs'), pod('pending', { nodeName: '' })]), [
      ['PATCH', '/api/v1/namespaces/n/pods/pending'],
    ]);
  });
});
