import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1ConfigMap } from '@kubernetes/client-node';
import type { SimulatedCluster } from '../../simulator/index.js';
import { minutes } from '../../src/duration.js';
import { readDemoConfig } from '../../src/config.js';
import type { ApiCall, Cluster } from '../../src/k8s/client/cluster.js';
import { beginWork, changeRecord, findDemo, forgetDemo, listDemos } from '../../src/k8s/demo/demo-record.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { create, merge, read } from '../../src/k8s/client/objects.js';
import { namespaceMetadata } from '../../src/k8s/demo/own-namespaces.js';
import { placesOf, type Demo } from '../../src/k8s/demo/demo.js';
import { readyDemo } from '../../src/k8s/demo/demo-life.js';
import { claimPair, ofPair, readPoolNotes, withState } from '../../src/k8s/demo/pool.js';
import { planPool, readStock } from '../../src/jobs/commands/pool/stock.js';
import { makeReadyPair } from '../support/ready-pair.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* On the simulated cluster, which like a real one refuses writes with an old resourceVersion. */

const config = { ...readDemoConfig(undefined), pool: { size: 2, max: 3, paused: false, maxAge: minutes(600) } };

describe('a warm pair', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let run: ReturnType<typeof commandRunner>;
  withSimulatedCluster((connected, cluster) => {
    [host, simulated] = [connected, cluster];
    run = commandRunner(simulated, { access: { admins: ['U0ROOT'] }, config: { pool: config.pool } });
  });

  const made = (): Promise<Demo> => makeReadyPair(host, `pool-${++count}`, config);
  let count = 0;
  /** Forgets what earlier tests made. */
  const clear = async () => {
    const { demos, pairs } = await listDemos(host);
    for (const each of [...demos, ...pairs]) await forgetDemo(host, { name: each.name });
  };
  const claim = async (demo: string, jobId: string, on = host, now = new Date()) =>
    claimPair(on, (await listDemos(host)).pairs, { demo, jobId }, config, now);
  const planned = (name: string) => plannedDemo({ name, now: new Date(), claimNamespace: 'default' });
  const drained = async (now?: Date) => planPool(await readStock(host), config, now).drain.map(({ name }) => name);

  it('is nobody’s demo: no list shows it, no limit counts it, and no command of a person reaches it', async () => {
    await clear();
    const { name: demo } = await made();
    const { demos, unreadable, pairs } = await listDemos(host);
    assert.deepEqual([demos, unreadable, pairs.map(({ name }) => name)], [[], [], [demo]]);
    for (const name of ['delete', 'verify', 'kubeconfig', 'status', 'revoke', 'dashboard', 'audit'] as const)
      assert.equal((await run(name, 'U0ROOT', { demo })).code, 'unknown-demo', name);
    assert.equal((await run('extend', 'U0ROOT', { demo, byMs: 60_000 })).code, 'unknown-demo');
    assert.equal((await run('create', 'U0ROOT', { demo })).code, 'reserved-name');
    assert.match((await run('list', 'U0ALICE')).said.join(), /no demos[\s\S]*Warm pairs: 1 ready/);
  });

  it('is claimed by one of two creates that run at once', async () => {
    await clear();
    await made();
    const both = await Promise.all([claim('team-a', 'job-1'), claim('team-b', 'job-2')]);
    assert.equal(both.filter(Boolean).length, 1);
    const pairs = [await made(), await made()];
    const names = await Promise.all([claim('team-c', 'job-3'), claim('team-d', 'job-4')]);
    assert.deepEqual(names.map((pair) => pair?.name).toSorted(), pairs.map(({ name }) => name).toSorted());
  });

  it('is claimed again by the create that has it, and by no other, if its worker dies after the claim', async () => {
    await clear();
    const { name: own } = await made();
    assert.equal((await claim('team-a', 'job-1'))?.name, own);
    assert.equal(await claim('team-a', 'job-2'), undefined);
    assert.equal((await claim('team-a', 'job-1'))?.name, own);
  });

  it('is not claimed again by the create that has it once the configuration has changed', async () => {
    await clear();
    await made();
    const claimant = { demo: 'team-a', jobId: 'job-1' };
    assert.ok(await claim(claimant.demo, claimant.jobId)); // its worker dies, and the next one has another configuration
    const { pairs } = await listDemos(host);
    const hosts = { ...config.hosts, api: '{cluster}.{demo}.{domain}' };
    assert.equal(await claimPair(host, pairs, claimant, { ...config, hosts }), undefined);
  });

  it('is passed over by a create that still sees it although another has just made a demo of it', async () => {
    await clear();
    const { name: taken } = await made();
    const { name: free } = await made();
    const { pairs: seen } = await listDemos(host);
    const pair = (await claim('team-a', 'job-1'))!;
    assert.equal(pair.name, taken);
    await beginWork(host, ofPair(planned('team-a'), pair), 'creating', { id: 'job-1', askedAt: new Date() });
    await forgetDemo(host, { name: taken }); // before its namespaces get the labels of the demo
    const claimed = await claimPair(host, seen, { demo: 'team-b', jobId: 'job-2' }, config);
    assert.equal(claimed?.name, free);
    assert.equal((await findDemo(host, 'team-a'))?.pair, taken);
  });

  it('is claimed by the create whose write has arrived although the answer was lost', async () => {
    await clear();
    const { name: own } = await made();
    let loses = true;
    const unlucky: Cluster = {
      ...host,
      async request(call: ApiCall): Promise<unknown> {
        const answer = await host.request(call);
        if (call.method === 'PUT' && loses) {
          loses = false;
          throw new Error('the worker died');
        }
        return answer;
      },
    };
    await assert.rejects(claim('team-a', 'job-1', unlucky), /the worker died/);
    assert.equal((await claim('team-a', 'job-1'))?.name, own);
  });

  it('is deleted some time after a claim with which no create went on, unless that create claims it again', async () => {
    await clear();
    const { name: own } = await made();
    const later = new Date(Date.now() + minutes(11));
    await claim('team-a', 'job-1');
    assert.deepEqual(await drained(), []);
    assert.deepEqual(await drained(later), [own]);
    await claim('team-a', 'job-1', host, later);
    assert.deepEqual(await drained(later), []);
  });

  it('is the demo’s alone once the demo’s record lists its namespaces: only its own record is then removed', async () => {
    await clear();
    const { name: own } = await made();
    const pair = (await claim('team-a', 'job-1'))!;
    const job = { id: 'job-1', askedAt: new Date() };
    await beginWork(host, ofPair(planned('team-a'), pair), 'creating', job); // the worker dies here
    assert.deepEqual(await drained(), [own]);
    const { demos, unreadable } = await listDemos(host);
    assert.ok(!unreadable.some(({ name }) => name === own));
    assert.deepEqual(
      demos.map(({ name, places }) => [name, ...places.map(({ namespace }) => namespace)]),
      [['team-a', `${own}-vc1`, `${own}-vc2`]],
    );
    await forgetDemo(host, { name: own });
    assert.deepEqual((await findDemo(host, 'team-a'))?.namespaceUids, pair.namespaceUids);
    const { unreadable: left } = await listDemos(host);
    assert.ok(!left.some(({ name }) => name === own), 'labels of the pair make no unreadable demo');
    assert.equal((await findDemo(host, 'team-a'))?.isUnlabelled, true, 'the upkeep gives them the demo’s labels');
  });

  it('is the demo’s alone even if the demo’s record cannot be read: its namespaces are not deleted', async () => {
    await clear();
    const { name: own, places } = await made();
    const pair = (await claim('team-a', 'job-1'))!;
    await beginWork(host, ofPair(planned('team-a'), pair), 'creating', { id: 'job-1', askedAt: new Date() });
    const record = ref('v1', 'ConfigMap', 'vcdemo-team-a', 'default');
    const { record: written } = (await read<V1ConfigMap>(host, record))!.data!;
    await merge(host, record, { data: { record: JSON.stringify({ ...JSON.parse(written!), owner: 'nobody' }) } });
    const ago = new Date(Date.now() - minutes(11));
    await changeRecord(host, pair, (current) => withState(current, 'claimed', ago));
    assert.equal((await run('drain', 'U0POOL', { demo: own })).code, undefined);
    for (const { namespace } of places) assert.ok(await read(host, ref('v1', 'Namespace', namespace)), namespace);
    await merge(host, record, { data: { record: written } });
    assert.deepEqual((await findDemo(host, 'team-a'))?.namespaceUids, pair.namespaceUids);
    assert.deepEqual((await listDemos(host)).pairs, []);
  });

  it('gives its demo no other name in the list, even if its public names are those of the pair', async () => {
    await clear();
    await made();
    const pair = (await claim('team-a', 'job-1'))!;
    const own = ofPair(planned('team-a'), { ...pair, warm: { ...pair.warm!, fitsAnyName: false } });
    await beginWork(host, own, 'creating', { id: 'job-1', askedAt: new Date() });
    await forgetDemo(host, { name: pair.name });
    const record = ref('v1', 'ConfigMap', 'vcdemo-team-a', 'default');
    const { record: written } = (await read<V1ConfigMap>(host, record))!.data!;
    await merge(host, record, { data: { record: JSON.stringify({ ...JSON.parse(written!), owner: 'nobody' }) } });
    const { unreadable } = await listDemos(host);
    assert.deepEqual(
      unreadable.flatMap((each) => (each.pair === pair.name ? [each.name] : [])),
      ['team-a'],
    );
    await merge(host, record, { data: { record: written } });
    assert.equal((await findDemo(host, 'team-a'))?.pair, pair.name);
  });

  it('is claimed before one that is paused, from which a create takes longer', async () => {
    await clear();
    const [paused, awake] = [await made(), await made()];
    await changeRecord(host, paused, (current) => ({ ...current, warm: { ...current.warm!, isPaused: true } }));
    assert.equal((await claim('team-a', 'job-1'))?.name, awake.name);
    assert.match((await run('list', 'U0ALICE')).said.join(), /Warm pairs: 1 ready \(paused\), 1 being claimed/);
    assert.equal((await claim('team-b', 'job-2'))?.name, paused.name);
  });

  it('is not claimed if it was made from another configuration, or lost a namespace', async () => {
    await clear();
    await made();
    const { pairs } = await listDemos(host);
    const other = { ...config, domain: 'other.example.com' };
    const claimant = { demo: 'team-a', jobId: 'job-1' };
    assert.equal(await claimPair(host, pairs, claimant, other), undefined);
    const halves = pairs.map((pair) => ({ ...pair, places: pair.places.slice(1) }));
    assert.equal(await claimPair(host, halves, claimant, config), undefined);
  });

  it('is extended, transferred and audited like any demo after the claim', async () => {
    await clear();
    const { name: own } = await made();
    const pair = (await claim('team-a', 'job-1'))!;
    const demo = readyDemo(ofPair({ ...planned('team-a'), owner: { id: 'U0ALICE', name: 'alice' } }, pair), new Date());
    await changeRecord(host, demo, (current) => current);
    assert.equal((await run('extend', 'U0ALICE', { demo: 'team-a', byMs: 60_000 })).code, undefined);
    assert.equal((await run('transfer', 'U0ALICE', { demo: 'team-a', person: 'U0BOB' })).code, undefined);
    assert.match((await run('audit', 'U0ALICE', { demo: 'team-a' })).said.join(), /extended it by/);
    assert.equal((await findDemo(host, 'team-a'))?.pair, own, 'changes of the record keep its pair');
  });

  it('of another installation, once it is a demo, keeps its public names: no demo here gets its name', async () => {
    await clear();
    const metadata = { ...plannedDemo({ name: 'theirs' }), claimNamespace: 'elsewhere', pair: 'pool-theirs' };
    for (const place of placesOf('pool-theirs'))
      await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: namespaceMetadata(metadata, place) });
    const { code, error } = await run('create', 'U0ROOT', { demo: 'theirs' });
    assert.equal(code, 'managed-elsewhere', error?.message);
    assert.equal(await findDemo(host, 'theirs'), undefined);
  });

  describe('`pool`', () => {
    it('changes how many are kept, at most `pool.max`, and remembers it', async () => {
      const { said } = await run('pool', 'U0ROOT', { act: 'size', count: 1 });
      assert.match(said.join(), /The pool should have one, at most 3/);
      assert.equal((await readPoolNotes(host)).size, 1);
      assert.equal((await run('pool', 'U0ROOT', { act: 'size', count: 4 })).code, 'pool-too-large');
      assert.equal((await run('pool', 'U0ROOT', { act: 'size' })).code, 'bad-value');
      assert.equal((await run('pool', 'U0ROOT', { count: 2 })).code, 'bad-value');
      assert.equal((await readPoolNotes(host)).size, 1);
    });

    it('does not change the size again when its job is repeated after a later one', async () => {
      const askedAt = new Date(Date.now() - minutes(5));
      assert.equal((await run('pool', 'U0ROOT', { act: 'size', count: 3 }, { askedAt })).code, 'command-over');
    });

    it('does not drain the pairs that were made since when its job is repeated', async () => {
      await clear();
      await made();
      const askedAt = new Date(Date.now() - minutes(5));
      assert.match((await run('pool', 'U0ROOT', { act: 'drain' }, { askedAt })).said.join(), /1 ready/);
      assert.deepEqual(await drained(), []);
    });

    it('drains: no pair can be claimed any more, and all are deleted', async () => {
      await clear();
      const pairs = [await made(), await made()];
      assert.match((await run('pool', 'U0ROOT', { act: 'drain' })).said.join(), /2 being deleted/);
      assert.equal(await claim('team-a', 'job-1'), undefined);
      assert.deepEqual(
        await drained(),
        pairs.map(({ name }) => name),
      );
    });
  });
});
