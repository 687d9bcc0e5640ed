import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import type { ApiCall, Cluster } from '../../../../src/k8s/client/cluster.js';
import { replaceWaiting, retryRefused } from '../../../../src/k8s/workloads/nudge.js';

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
    await retryRefused(cluster);
    assert.deepEqual(patched, ['/api/v1/namespaces/sample/pods/a', '/api/v1/namespaces/sample/pods/b']);
  });

  it('is touched within limits, however many events a tenant writes', async () => {
    const { cluster, patched } = clusterWith(Array.from({ length: 5000 }, (_, index) => event(`pod-${index}`)));
    await retryRefused(cluster);
    assert.equal(patched.length, 50);
  });
});

describe('pods that the kubelet lets wait', () => {
  const pod = (name: string, reason: string | undefined, { owner = true, labels = {} } = {}) => ({
    metadata: {
      ...{ name, namespace: 'n', uid: `uid-${name}`, labels },
      ...(owner && { ownerReferences: [{ kind: 'StatefulSet', name: 'vc1', controller: true }] }),
    },
    status: {
      containerStatuses: [{ name: 'c', state: reason === undefined ? { running: {} } : { waiting: { reason } } }],
    },
  });

  it('are replaced if they have a controller and are not copies for a tenant', async () => {
    const pods = [
      pod('vc1-0', 'CrashLoopBackOff'),
      pod('pulls', 'ImagePullBackOff'),
      pod('runs', undefined),
      pod('starts', 'ContainerCreating'),
      pod('alone', 'CrashLoopBackOff', { owner: false }),
      pod('synced', 'CrashLoopBackOff', { labels: { 'vcluster.loft.sh/managed-by': 'vc1' } }),
    ];
    const deleted: unknown[] = [];
    const request = ({ method, path, body }: ApiCall): Promise<unknown> => {
      if (path === '/api/v1') return Promise.resolve({ resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] });
      if (method === 'GET') return Promise.resolve({ items: pods });
      deleted.push([method, path, (body as { preconditions: unknown }).preconditions]);
      return Promise.resolve({});
    };
    await replaceWaiting({ name: 'host', request, discovered: new Map() } as unknown as Cluster, 'n');
    assert.deepEqual(
      deleted,
      ['vc1-0', 'pulls'].map((name) => ['DELETE', `/api/v1/namespaces/n/pods/${name}`, { uid: `uid-${name}` }]),
    );
  });
});
