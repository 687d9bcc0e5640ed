import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { V1ConfigMap, V1Namespace } from '@kubernetes/client-node';
import { Refusal, UserError } from '../../src/errors.js';
import { deleteFlow } from '../../src/jobs/commands/delete/flow.js';
import { readDemoConfig } from '../../src/config.js';
import { listMessage } from '../../src/jobs/commands/list.js';
import { demoConfig } from '../../src/config/schema.js';
import type { ClusterContext, DemoContext } from '../../src/jobs/context.js';
import { runFlow } from '../../src/jobs/flow.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { dropEnds, findEnd } from '../../src/k8s/demo/demo-end.js';
import {
  beginWork,
  changeRecord,
  findDemo,
  forgetDemo,
  isOwnNamespace,
  listDemos,
  markDemo,
  noteNamespace,
} from '../../src/k8s/demo/demo-record.js';
import { namespaceMetadata } from '../../src/k8s/demo/own-namespaces.js';
import { demoLabels, labels, type Demo } from '../../src/k8s/demo/demo.js';
import { withDone } from '../../src/k8s/demo/done-jobs.js';
import { restoreNamespaceLabels } from '../../src/k8s/demo/host-namespace.js';
import { noteDurations } from '../../src/k8s/demo/run-durations.js';
import { merge, read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { deleteNamespace, findLeftovers } from '../../src/k8s/demo/removal.js';
import { plannedDemo } from '../support/planned-demo.js';
import { waitFor } from '../support/wait-for.js';
import { create } from '../support/answers.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* On the simulated cluster, which like a real one refuses writes with an old resourceVersion. */

describe('the record of a demo', () => {
  let host: Cluster;
  withSimulatedCluster((connected) => (host = connected));

  const plan = (name: string): Demo => plannedDemo({ name, now: new Date(), claimNamespace: 'default' });
  const namespace = (metadata: object) => create<V1Namespace>(host, { apiVersion: 'v1', kind: 'Namespace', metadata });
  /** A demo whose create has just created both namespaces. */
  async function made(name: string): Promise<Demo> {
    const demo = await markDemo(host, plan(name), 'creating');
    for (const place of demo.places) {
      const { metadata } = await namespace(namespaceMetadata(demo, place));
      await noteNamespace(host, demo, place, metadata!.uid!);
    }
    return (await findDemo(host, name))!;
  }
  const forged = (demo: string, name: string, annotations: Record<string, string>) =>
    namespace({ name, labels: demoLabels(demo, 'vc1'), annotations });
  const annotated = (expires: string) => ({
    'vcdemo.io/owner-id': 'U9',
    'vcdemo.io/owner-name': 'mallory',
    'vcdemo.io/channel': 'C9',
    'vcdemo.io/created': '2020-01-01T00:00:00Z',
    'vcdemo.io/expires': expires,
    'vcdemo.io/state': 'ready',
  });

  it('is never written so that it could not be read again, which would keep the demo for ever', async () => {
    const demo = await made('whole');
    const tooMuch: ((current: Demo) => Demo)[] = [
      (current) => ({ ...current, shared: [`U${'A'.repeat(40)}`] }),
      (current) => ({ ...current, revoked: Array.from({ length: 1001 }, (_, index) => `U${index}`) }),
      (current) => ({ ...current, audit: [{ at: new Date(), what: 'x'.repeat(301) }] }),
      (current) => ({ ...current, expires: new Date(NaN) }),
    ];
    for (const change of tooMuch)
      await assert.rejects(
        changeRecord(host, demo, change),
        (error) => error instanceof UserError && error.code === 'record-not-writable',
      );
    assert.deepEqual((await findDemo(host, 'whole'))?.shared, []);
  });

  it('is its own object also for a demo that is called like what workers keep besides', async () => {
    for (const name of ['durations', 'maintenance', 'trouble']) {
      await made(name);
      await noteDurations(host, 'create', { totalMs: 1, stepMs: {} });
      assert.equal((await findDemo(host, name))?.name, name);
    }
  });

  it('keeps owner and expiry whatever a third namespace with the demo’s labels says', async () => {
    const demo = await made('mine');
    await forged('mine', 'aaa-evil', annotated('2020-01-01T00:00:00Z'));
    const found = (await findDemo(host, 'mine'))!;
    assert.deepEqual([found.owner.id, found.expires], ['U1', demo.expires]);
    assert.deepEqual(
      found.places.map((place) => place.namespace),
      ['mine-vc1', 'mine-vc2'],
    );
  });

  it('keeps owner and expiry whatever is written on its own namespaces', async () => {
    const demo = await made('written');
    await merge(host, ref('v1', 'Namespace', 'written-vc1'), {
      metadata: { annotations: annotated('2020-01-01T00:00:00Z') },
    });
    assert.equal((await findDemo(host, 'written'))?.expires.getTime(), demo.expires.getTime());
  });

  describe('of which somebody has removed or changed the labels of its namespaces', () => {
    /** Each label of the one is removed, and each label of the other is changed. */
    async function unlabelled(name: string): Promise<Demo> {
      const demo = await made(name);
      for (const [namespace, value] of [
        [`${name}-vc1`, null],
        [`${name}-vc2`, 'other'],
      ] as const) {
        const changed = Object.fromEntries(Object.values(labels).map((label) => [label, value]));
        await merge(host, ref('v1', 'Namespace', namespace), { metadata: { labels: changed } });
      }
      return demo;
    }

    it('still knows them, by their UIDs', async () => {
      const { places } = await unlabelled('nolabel');
      assert.deepEqual((await findDemo(host, 'nolabel'))?.places, places);
      assert.deepEqual((await listDemos(host)).demos.find(({ name }) => name === 'nolabel')?.places, places);
    });

    it('says so until they are restored', async () => {
      const isUnlabelled = async () => (await findDemo(host, 'relabelled'))?.isUnlabelled;
      await unlabelled('relabelled');
      assert.equal(await isUnlabelled(), true);
      assert.equal((await listDemos(host)).demos.find(({ name }) => name === 'relabelled')?.isUnlabelled, true);
      await restoreNamespaceLabels(host, (await findDemo(host, 'relabelled'))!);
      assert.equal(await isUnlabelled(), false);
    });

    it('does not take a namespace with another UID for its own', async () => {
      const { places } = await unlabelled('newer');
      await remove(host, ref('v1', 'Namespace', 'newer-vc1'));
      await waitFor('its end', async () => !(await read(host, ref('v1', 'Namespace', 'newer-vc1'))));
      await namespace({ name: 'newer-vc1' });
      const found = (await findDemo(host, 'newer'))!;
      assert.deepEqual(found.places, [places[1]]);
      assert.deepEqual((await listDemos(host)).demos.find(({ name }) => name === 'newer')?.places, [places[1]]);
      assert.deepEqual(await findLeftovers(host, found), ['Namespace newer-vc2']);
    });

    it('finds what is left of it, even if it was not known when the deletion began', async () => {
      const demo = await unlabelled('unseen');
      assert.deepEqual(await findLeftovers(host, { ...demo, places: [] }), [
        'Namespace unseen-vc1',
        'Namespace unseen-vc2',
      ]);
    });

    it('is not forgotten before they are deleted', async () => {
      await unlabelled('escape');
      const demo = (await findDemo(host, 'escape'))!;
      const { signal } = new AbortController();
      const config = demoConfig.parse({});
      const slack = { deleteFiles: () => Promise.resolve([]) };
      const delivery = { isDone: () => Promise.resolve(true), deliver: () => Promise.resolve() };
      const context = { host, demo, config, slack, delivery, signal } as unknown as DemoContext;
      const contextOf = (name: string) =>
        ({ ...context, place: demo.places.find((place) => place.name === name) }) as ClusterContext;
      const clusters = demo.places.map(({ name }) => name);
      await runFlow(deleteFlow, { config, context, clusters, signal, onChange: () => undefined, contextOf });
      assert.equal(await findDemo(host, 'escape'), undefined);
      for (const name of ['escape-vc1', 'escape-vc2'])
        assert.equal(await read(host, ref('v1', 'Namespace', name)), undefined, name);
    });
  });

  it('does not accept a namespace that somebody else created under the demo’s name', async () => {
    const demo = await markDemo(host, plan('squat'), 'creating');
    const foreign = await forged('squat', 'squat-vc1', { 'vcdemo.io/record': demo.id });
    assert.equal(await isOwnNamespace(host, demo, foreign), false);
    assert.deepEqual((await findDemo(host, 'squat'))?.places, []);
    const other = { ...demo, namespaceUids: { vc1: 'other' } };
    const options = { signal: new AbortController().signal, deadlineFactor: 0.1 };
    await deleteNamespace(host, other, demo.places[0]!, options).catch(() => undefined);
    assert.ok(await read(host, ref('v1', 'Namespace', 'squat-vc1')));
  });

  it('accepts the namespace of a worker that died before recording it', async () => {
    const demo = await markDemo(host, plan('cutoff'), 'creating');
    await namespace(namespaceMetadata(demo, demo.places[0]!));
    const found = (await findDemo(host, 'cutoff'))!;
    assert.deepEqual(found.places, [demo.places[0]]);
    assert.ok(found.namespaceUids.vc1);
  });

  it('does not accept copied annotations of an earlier namespace as a proof', async () => {
    const demo = await made('copied');
    const { metadata } = (await read<V1Namespace>(host, ref('v1', 'Namespace', 'copied-vc1')))!;
    const copy = { metadata: { ...metadata, uid: 'another' } } as V1Namespace;
    assert.equal(await isOwnNamespace(host, demo, copy), false);
  });

  it('does not accept what a namespace says that has got its labels back as a proof for a later one', async () => {
    const demo = await made('again');
    const reference = ref('v1', 'Namespace', 'again-vc1');
    await merge(host, reference, { metadata: { labels: { [labels.managedBy]: null } } });
    await restoreNamespaceLabels(host, demo);
    const { metadata } = (await read<V1Namespace>(host, reference))!;
    assert.equal(metadata.labels[labels.managedBy], 'vcdemo');
    assert.equal(await isOwnNamespace(host, demo, { metadata: { ...metadata, uid: 'another' } } as V1Namespace), false);
  });

  it('lists a record that cannot be read, breaks nothing else, and does not delete it', async () => {
    await made('fine');
    await made('broken');
    const reference = ref('v1', 'ConfigMap', 'vcdemo-broken', 'default');
    const { data } = (await read<V1ConfigMap>(host, reference))!;
    const record = JSON.parse(data!.record!) as object;
    await merge(host, reference, { data: { record: JSON.stringify({ ...record, expires: 'soon' }) } });
    const { demos, unreadable } = await listDemos(host);
    assert.ok(demos.some(({ name }) => name === 'fine'));
    assert.ok(!demos.some(({ name }) => name === 'broken'));
    assert.match(unreadable.find(({ name }) => name === 'broken')!.problem, /expires/);
    await assert.rejects(findDemo(host, 'broken'), (error: UserError) => error.code === 'record-unreadable');
  });

  it('is not needed for a demo from an earlier version, whose annotations are read until it has one', async () => {
    for (const [cluster, at] of [
      ['vc1', '2030-01-01T00:00:00Z'],
      ['vc2', '2030-01-01T00:00:00Z'],
    ] as const)
      await namespace({ name: `old-${cluster}`, labels: demoLabels('old', cluster), annotations: annotated(at) });
    const old = (await findDemo(host, 'old'))!;
    assert.deepEqual([old.owner.id, old.state, old.places.length], ['U9', 'ready', 2]);
    await markDemo(host, old, 'failed', 'why');
    await merge(host, ref('v1', 'Namespace', 'old-vc1'), { metadata: { annotations: { 'vcdemo.io/owner-id': 'U7' } } });
    const adopted = (await findDemo(host, 'old'))!;
    assert.deepEqual(
      [adopted.owner.id, adopted.state, adopted.problem, adopted.places.length],
      ['U9', 'failed', 'why', 2],
    );
  });

  it('reports a record that was deleted by hand as missing, not as another installation’s', async () => {
    await made('lost');
    await forgetDemo(host, { name: 'lost' });
    await assert.rejects(findDemo(host, 'lost'), (error: UserError) => {
      assert.equal(error.code, 'record-unreadable');
      assert.match(error.message, /its record is missing/);
      return true;
    });
  });

  describe('a record that another installation keeps', () => {
    let elsewhere: Cluster;
    before(() => {
      elsewhere = connectCluster('host', { ...host.access, namespace: 'elsewhere' });
    });
    after(() => elsewhere.close());

    it('protects its demo, and suggests no deletion', async () => {
      await made('theirs');
      await assert.rejects(findDemo(elsewhere, 'theirs'), (error: UserError) => {
        assert.equal(error.code, 'managed-elsewhere');
        assert.ok(error instanceof Refusal);
        assert.match(error.message, /another vcdemo installation.* namespace default .*these workers use elsewhere/);
        assert.doesNotMatch(error.hint ?? '', /delete|repair/);
        return true;
      });
    });

    it('is listed as such, not as unreadable', async () => {
      const { demos, unreadable } = await listDemos(elsewhere);
      assert.ok(!demos.some(({ name }) => name === 'theirs'));
      const theirs = unreadable.filter(({ name }) => name === 'theirs');
      assert.equal(theirs[0]?.managedIn, 'default');
      const { blocks } = listMessage({ demos: [], unreadable: theirs }, 'U1', {
        ...readDemoConfig(undefined),
        hostCluster: undefined,
      });
      assert.match(
        JSON.stringify(blocks),
        /theirs\*: it is managed by another vcdemo installation, in namespace default/,
      );
    });

    it('is also respected for a demo from an earlier version', async () => {
      const annotations = { ...annotated('2030-01-01T00:00:00Z'), 'vcdemo.io/claims': 'default' };
      await namespace({ name: 'older-vc1', labels: demoLabels('older', 'vc1'), annotations });
      assert.equal((await findDemo(host, 'older'))?.owner.id, 'U9');
      await assert.rejects(findDemo(elsewhere, 'older'), (error: UserError) => error.code === 'managed-elsewhere');
    });
  });

  it('treats a demo from an earlier version with missing or invalid annotations as unreadable, not as expired', async () => {
    await forged('nodate', 'nodate-vc1', {});
    await forged('baddate', 'baddate-vc1', annotated('soon'));
    const { demos, unreadable } = await listDemos(host);
    for (const name of ['nodate', 'baddate']) {
      assert.ok(!demos.some((demo) => demo.name === name));
      assert.ok(unreadable.some((demo) => demo.name === name));
    }
  });

  it('accepts concurrent changes of several writers', async () => {
    const demo = await made('busy');
    await Promise.all(['a', 'b', 'c', 'd'].map((job) => changeRecord(host, demo, (current) => withDone(current, job))));
    assert.deepEqual([...(await findDemo(host, 'busy'))!.done].sort(), ['a', 'b', 'c', 'd']);
  });

  it('is gone when it is deleted', async () => {
    await forgetDemo(host, await markDemo(host, plan('gone'), 'creating'));
    assert.equal(await findDemo(host, 'gone'), undefined);
  });

  describe('that is gone', () => {
    const asked = new Date('2026-01-01T10:00:00Z');

    it('leaves behind when its last job was asked for, apart from the records of demos', async () => {
      for (const job of ['delete-1', 'delete-2'])
        await forgetDemo(host, await beginWork(host, plan('ended'), 'deleting', { id: job, askedAt: asked }));
      assert.deepEqual(await findEnd(host, 'ended'), { jobId: 'delete-2', askedAt: asked });
      const { demos, unreadable } = await listDemos(host);
      assert.ok(![...demos, ...unreadable].some(({ name }) => name.includes('ended')));
    });

    it('has ended for all commands from before it, even if somebody has overwritten that', async () => {
      await forgetDemo(host, await beginWork(host, plan('torn'), 'deleting', { id: 'delete-1', askedAt: asked }));
      await merge(host, ref('v1', 'ConfigMap', 'vcdemo-torn.ended', 'default'), { data: { end: 'x' } });
      const end = await findEnd(host, 'torn');
      assert.ok(end && end.askedAt > asked && end.askedAt <= new Date());
    });

    it('leaves nothing behind once commands from its time are refused for their age', async () => {
      await forgetDemo(host, await beginWork(host, plan('aged'), 'deleting', { id: 'delete-1', askedAt: asked }));
      await dropEnds(host, 60_000);
      assert.ok(await findEnd(host, 'aged'));
      await dropEnds(host, -60_000);
      assert.equal(await findEnd(host, 'aged'), undefined);
    });
  });
});
