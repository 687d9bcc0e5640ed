import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Watch, type V1Secret } from '@kubernetes/client-node';
import { create, merge } from '../../src/k8s/client/objects.js';
import { describeContract } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';
import { request } from '../support/answers.js';

describeContract('watching objects', (api) => {
  const { namespace, secret } = api;

  it('reports added, modified and deleted objects to a watch that starts at a resource version', async () => {
    const labels = { watched: 'yes' };
    const watched = { ...secret('watched'), metadata: { name: 'watched', namespace, labels } };
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const { metadata } = await request<{ metadata: { resourceVersion: string } }>(api.cluster, { method: 'GET', path });
    await create(api.cluster, watched);
    const seen: string[] = [];
    const query = { labelSelector: 'watched=yes', resourceVersion: metadata.resourceVersion };
    const controller = await new Watch(api.kubeConfig).watch(
      path,
      query,
      (phase, object: V1Secret) => seen.push(`${phase} ${object.metadata?.name}`),
      () => undefined,
    );
    try {
      await merge(api.cluster, watched, { data: { a: 'MQ==' } });
      await create(api.cluster, secret('unwatched'));
      await merge(api.cluster, watched, { metadata: { labels: { watched: 'no' } } }); // no longer matches the selector
      await waitFor('the events', () => Promise.resolve(seen.length >= 3));
      assert.deepEqual(seen, ['ADDED watched', 'MODIFIED watched', 'DELETED watched']);
    } finally {
      controller.abort();
    }
  });
});
