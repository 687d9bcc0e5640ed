import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sigtermAnnotation } from '../../../../simulator/controllers/kubelet.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { findDemo, markDemo, noteNamespace } from '../../../../src/k8s/demo/demo-record.js';
import { namespaceMetadata } from '../../../../src/k8s/demo/own-namespaces.js';
import type { Demo } from '../../../../src/k8s/demo/demo.js';
import { list } from '../../../../src/k8s/client/lists.js';
import { read } from '../../../../src/k8s/client/objects.js';
import { ref } from '../../../../src/k8s/client/manifest.js';
import { deleteNamespace } from '../../../../src/k8s/demo/removal.js';
import { create, createNamespace } from '../../../support/answers.js';
import { plannedDemo } from '../../../support/planned-demo.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';
import { waitFor } from '../../../support/wait-for.js';

describe('the namespace of a demo is deleted', () => {
  let host: Cluster;
  const options = { signal: new AbortController().signal, deadlineFactor: 0.02 };
  withSimulatedCluster((connected) => (host = connected));

  async function demoWithNamespace(name: string): Promise<Demo> {
    const demo = await markDemo(host, plannedDemo({ name, now: new Date(), claimNamespace: 'default' }), 'ready');
    const place = demo.places[0]!;
    const metadata = namespaceMetadata(demo, place);
    const { metadata: made } = await createNamespace(host, metadata);
    await noteNamespace(host, demo, place, made!.uid!);
    return (await findDemo(host, name))!;
  }

  const podSpec = (fields: object = {}) => ({ containers: [{ name: 'app', image: 'a' }], ...fields });

  /** Deletes the namespace, and returns how many pods there were when that was asked for. */
  async function podsAtDeletion(demo: Demo): Promise<number | undefined> {
    const place = demo.places[0]!;
    let left: number | undefined;
    const request: Cluster['request'] = async (call) => {
      if (call.method === 'DELETE' && call.path === `/api/v1/namespaces/${place.namespace}`)
        left = (await list(host, 'v1', 'Pod', { namespace: place.namespace })).length;
      return await host.request(call);
    };
    await deleteNamespace({ ...host, request }, demo, place, options);
    return left;
  }

  it('after its pods, also those that a controller would start again and those that ignore being told to stop', async () => {
    const demo = await demoWithNamespace('pods');
    const { namespace } = demo.places[0]!;
    await create(host, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'stubborn', namespace, annotations: { [sigtermAnnotation]: 'true' } },
      spec: podSpec({ terminationGracePeriodSeconds: 315_360_000 }),
    });
    await create(host, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'vc-client', namespace },
      spec: {
        selector: { matchLabels: { app: 'vc-client' } },
        template: { metadata: { labels: { app: 'vc-client' } }, spec: podSpec() },
      },
    });
    await waitFor('both pods', async () => (await list(host, 'v1', 'Pod', { namespace })).length === 2);
    assert.equal(await podsAtDeletion(demo), 0);
    await waitFor(
      'the namespace to go',
      async () => (await read(host, ref('v1', 'Namespace', namespace))) === undefined,
    );
  });

  it('even if a pod is held by a finalizer', async () => {
    const demo = await demoWithNamespace('held');
    const { namespace } = demo.places[0]!;
    await create(host, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'held', namespace, finalizers: ['example.com/hold'] },
      spec: podSpec(),
    });
    assert.equal(await podsAtDeletion(demo), 1);
    assert.ok((await read(host, ref('v1', 'Namespace', namespace)))?.metadata.deletionTimestamp);
  });

  it('only if it is the demo’s own, and so are its pods', async () => {
    const demo = await demoWithNamespace('own');
    const place = demo.places[0]!;
    const pod = { name: 'a', namespace: place.namespace };
    await create(host, { apiVersion: 'v1', kind: 'Pod', metadata: pod, spec: podSpec() });
    const other = { ...demo, namespaceUids: { vc1: 'other' } };
    await assert.rejects(deleteNamespace(host, other, place, options), /UID/);
    assert.equal((await read(host, ref('v1', 'Pod', pod.name, pod.namespace)))?.metadata.deletionTimestamp, undefined);
  });
});
