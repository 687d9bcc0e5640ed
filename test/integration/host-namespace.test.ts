import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1ConfigMap, V1Namespace, V1NetworkPolicy } from '@kubernetes/client-node';
import { demoConfig } from '../../src/config/schema.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { findDemo, markDemo } from '../../src/k8s/demo/demo-record.js';
import { demoLabels, labels, type Demo } from '../../src/k8s/demo/demo.js';
import { checkHostNamespace, makeHostNamespace, restoreNamespaceLabels } from '../../src/k8s/demo/host-namespace.js';
import { merge, read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { findKeptVolumes, findLeftovers } from '../../src/k8s/demo/removal.js';
import { waitFor } from '../support/wait-for.js';
import { plannedDemo } from '../support/planned-demo.js';
import { create } from '../support/answers.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

const config = demoConfig.parse({ isolation: { required: false } });

describe("a demo's namespace in the host cluster", { concurrency: true }, () => {
  let host: Cluster;
  withSimulatedCluster((connected) => (host = connected));

  const plan = (name: string): Promise<Demo> =>
    markDemo(host, plannedDemo({ name, now: new Date(), claimNamespace: 'default' }), 'creating');
  const requestFor = (demo: Demo, on = host) => ({
    host: on,
    config,
    demo,
    place: demo.places[0]!,
    demoClusterRole: undefined,
    claimNamespace: 'default',
    workerNamespace: undefined,
    signal: new AbortController().signal,
  });
  const readNamespace = (name: string) => read<V1Namespace>(host, ref('v1', 'Namespace', name));
  /** A namespace that stays Terminating until `release` is called. */
  async function terminating(name: string): Promise<{ uid: string; release: () => Promise<unknown> }> {
    const kept = ref('v1', 'ConfigMap', 'kept', name);
    await create<V1ConfigMap>(host, {
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: { name: 'kept', namespace: name, finalizers: ['example.com/keep'] },
    });
    const uid = (await readNamespace(name))!.metadata!.uid!;
    await remove(host, ref('v1', 'Namespace', name));
    return { uid, release: () => merge(host, kept, { metadata: { finalizers: null } }) };
  }

  it('is created again when an earlier one that was being deleted is gone', async () => {
    const demo = await plan('again');
    await makeHostNamespace(requestFor(demo));
    const { uid, release } = await terminating('again-vc1');
    const known = (await findDemo(host, 'again'))!;
    const seen = await checkHostNamespace(requestFor(known));
    assert.ok(!seen.holds && /again-vc1 is Terminating/.test(seen.seen), JSON.stringify(seen));

    const making = makeHostNamespace(requestFor(known));
    await release();
    await making;
    const made = await readNamespace('again-vc1');
    assert.equal(made?.status?.phase, 'Active');
    assert.notEqual(made?.metadata?.uid, uid);
    const current = (await findDemo(host, 'again'))!;
    assert.equal(current.namespaceUids.vc1, made?.metadata?.uid, 'the record knows the new one');
    assert.ok((await checkHostNamespace(requestFor(current))).holds);
    assert.ok(
      await read<V1NetworkPolicy>(host, ref('networking.k8s.io/v1', 'NetworkPolicy', 'vcdemo-pair', 'again-vc1')),
    );
  });

  it('waits for a namespace of somebody else that is being deleted', async () => {
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs-vc1' } });
    const { release } = await terminating('theirs-vc1');
    const making = makeHostNamespace(requestFor(await plan('theirs')));
    await release();
    await making;
    assert.equal((await readNamespace('theirs-vc1'))?.metadata?.labels?.['vcdemo.io/demo'], 'theirs');
  });

  describe('of which somebody has changed the labels', () => {
    const labelsOf = async (name: string) => {
      const { metadata } = (await readNamespace(name))!;
      return Object.fromEntries(
        Object.entries(metadata.labels).filter(([key]) => Object.values(labels).includes(key as never)),
      );
    };
    for (const [index, label] of Object.values(labels).entries())
      for (const [how, value] of [
        ['missing', null],
        ['another', 'other'],
      ] as const)
        it(`gets back its ${label} (${how})`, async () => {
          const name = `${how}${index}`;
          const request = requestFor(await plan(name));
          await makeHostNamespace(request);
          assert.ok((await checkHostNamespace(request)).holds);
          await merge(host, ref('v1', 'Namespace', `${name}-vc1`), {
            metadata: { labels: { [label]: value, 'example.com/team': 'a' } },
          });
          const seen = await checkHostNamespace(request);
          assert.ok(!seen.holds && seen.seen.includes(label), JSON.stringify(seen));
          await makeHostNamespace(request);
          assert.deepEqual(await labelsOf(`${name}-vc1`), demoLabels(name, 'vc1'));
          assert.equal((await readNamespace(`${name}-vc1`))?.metadata.labels['example.com/team'], 'a');
          assert.ok((await checkHostNamespace(request)).holds);
        });

    it('gets them back in upkeep, but not if it is another one', async () => {
      const request = requestFor(await plan('kept'));
      await makeHostNamespace(request);
      const none = { metadata: { labels: { [labels.managedBy]: null } } };
      await merge(host, ref('v1', 'Namespace', 'kept-vc1'), none);
      const demo = (await findDemo(host, 'kept'))!;
      await restoreNamespaceLabels(host, { ...demo, namespaceUids: { vc1: 'another' } });
      assert.equal((await labelsOf('kept-vc1'))[labels.managedBy], undefined);
      await restoreNamespaceLabels(host, demo);
      assert.deepEqual(await labelsOf('kept-vc1'), demoLabels('kept', 'vc1'));
    });
  });

  it('reports a namespace that is not deleted, with what blocks it', async () => {
    const demo = await plan('stuck');
    await makeHostNamespace(requestFor(demo));
    const { release } = await terminating('stuck-vc1');
    await waitFor('its conditions', async () => (await readNamespace('stuck-vc1'))?.status?.conditions?.length);
    const impatient = { ...requestFor(demo), config: { ...config, stepDeadlineFactor: 1 / 150 } };
    await assert.rejects(
      makeHostNamespace(impatient),
      /timed out after 1 s waiting for the deletion of namespace \S+, which has already started;.*kept has example\.com\/keep/,
    );
    await release();
  });
});

describe('what is left of a demo', () => {
  let host: Cluster;
  let demo: Demo;

  withSimulatedCluster(async (connected) => {
    host = connected;
    demo = plannedDemo({
      ...{ name: 'left', owner: { id: 'U1', name: 'alice' }, channel: 'C1', now: new Date(), ttlMs: 1 },
      claimNamespace: 'default',
    });
    const volume = (name: string, namespace: string, policy: string) =>
      create(host, {
        ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } },
        spec: {
          ...{ capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/x' } },
          ...{ persistentVolumeReclaimPolicy: policy, storageClassName: 'fast' },
          claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'data-vc1-0' },
        },
      });
    await volume('kept', 'left-vc1', 'Retain');
    await volume('going', 'left-vc2', 'Delete');
    await volume('theirs', 'other', 'Retain');
  });

  it('does not include volumes that are to be kept', async () => {
    assert.deepEqual(await findLeftovers(host, demo), ['PersistentVolume going']);
    const kept = await findKeptVolumes(host, demo);
    assert.deepEqual(
      kept.map(({ metadata }) => metadata?.name),
      ['kept'],
    );
  });

  it('is found however many volumes there are in the host cluster, and of roles only the metadata is read', async () => {
    const pagesOfOthers = 21; // of 250 each: more than a list that is read at once may have
    const accepted: (string | undefined)[] = [];
    const others = Array.from({ length: 250 }, (_, index) => ({ metadata: { name: `other-${index}` }, spec: {} }));
    const request: Cluster['request'] = async (call) => {
      if (call.path.includes('/clusterrole')) accepted.push(call.accept);
      const page = Number(call.query?.continue ?? 0);
      return call.path === '/api/v1/persistentvolumes' && page < pagesOfOthers
        ? { items: others, metadata: { continue: String(page + 1) } }
        : await host.request(page === 0 ? call : { ...call, query: { ...call.query, continue: undefined } });
    };
    assert.deepEqual(await findLeftovers({ ...host, request }, demo), ['PersistentVolume going']);
    assert.equal(accepted.length, 2);
    for (const accept of accepted) assert.match(accept ?? '', /PartialObjectMetadataList/);
  });

  it('includes the reason why a volume cannot be deleted', async () => {
    const path = '/api/v1/persistentvolumes/going/status';
    const status = { phase: 'Failed', message: 'rpc error: volume is still attached' };
    await host.request({ ...{ method: 'PATCH', path }, contentType: 'application/merge-patch+json', body: { status } });
    assert.deepEqual(await findLeftovers(host, demo), ['PersistentVolume going (rpc error: volume is still attached)']);
  });
});
