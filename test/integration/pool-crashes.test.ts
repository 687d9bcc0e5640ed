import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Namespace } from '@kubernetes/client-node';
import type { SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig } from '../../src/config.js';
import { hours, minutes } from '../../src/duration.js';
import { planPool, readStock } from '../../src/jobs/commands/pool/stock.js';
import type { JobRun } from '../../src/jobs/job-run.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { list } from '../../src/k8s/client/lists.js';
import { read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { forgetDemo, listDemos } from '../../src/k8s/demo/demo-record.js';
import { demoLabels, type Demo } from '../../src/k8s/demo/demo.js';

import { makeReadyPair } from '../support/ready-pair.js';
import { commandRunner } from '../support/command-run.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/*
 * Workers that die after any of the writes with which a create claims a warm pair. The worker is its handler, which can write
 * nothing any more after that; no step of the flow runs.
 */

const pool = { size: 1, max: 3, paused: false, maxAge: hours(12) };
const config = { ...readDemoConfig(undefined), pool };

describe('a create that claims a warm pair', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let run: ReturnType<typeof commandRunner>;
  withSimulatedCluster((connected, cluster) => {
    [host, simulated] = [connected, cluster];
    run = commandRunner(cluster, { access: { admins: ['U0ROOT'] }, config: { pool } });
  });

  let count = 0;
  const madePair = (): Promise<Demo> => makeReadyPair(host, `pool-${++count}`, config);

  /** A run of the create's handler, up to its first step; its worker dies after so many writes to the demo or the pair. */
  async function createUntil(demo: string, jobId: string, diesAfter = Infinity, resumed = false): Promise<number> {
    const worker = new AbortController();
    let writes = 0;
    const unwatch = simulated.watch(({ resource, object: { metadata } }) => {
      const isOwn = resource !== 'leases.coordination.k8s.io' && belongsTo(demo, metadata);
      if (isOwn && ++writes === diesAfter) worker.abort(new Error('the worker died'));
    });
    const noStep = AbortSignal.abort(new Error('no step is done'));
    const over = { id: jobId, resumed, signal: worker.signal, draining: noStep } as Partial<JobRun<'create'>>;
    await run('create', 'U0ROOT', { demo }, over);
    unwatch();
    return writes;
  }
  const belongsTo = (demo: string, { name, labels }: { name?: string; labels?: Record<string, string> }) =>
    name === `vcdemo-${demo}` || name?.startsWith('vcdemo-pool-') || labels?.['vcdemo.io/demo'] === demo;

  /** Its Lease is free at once, instead of some seconds later. */
  const freeLeases = async () => {
    for (const { metadata } of await list(host, 'coordination.k8s.io/v1', 'Lease', { namespace: 'default' }))
      await remove(host, ref('coordination.k8s.io/v1', 'Lease', metadata.name, 'default'));
  };
  const clear = async () => {
    await freeLeases();
    const { demos, pairs } = await listDemos(host);
    for (const each of [...demos, ...pairs]) {
      for (const { namespace } of each.places) await remove(host, ref('v1', 'Namespace', namespace));
      await forgetDemo(host, { name: each.name });
    }
  };
  const namespacesOf = ({ places }: Demo) => places.map(({ namespace }) => namespace);

  /** What has to be true of the demo that was made of the pair, and of everything else. */
  async function assertMadeOf(demo: string, pair: Demo): Promise<void> {
    const { demos, pairs, unreadable } = await listDemos(host);
    const made = demos.find(({ name }) => name === demo)!;
    assert.deepEqual([made.pair, made.namespaceUids], [pair.name, pair.namespaceUids]);
    assert.deepEqual([pairs, unreadable], [[], []]);
    for (const { name, namespace } of made.places) {
      const { metadata } = (await read<V1Namespace>(host, ref('v1', 'Namespace', namespace)))!;
      const labels = demoLabels(demo, name);
      assert.deepEqual({ ...metadata.labels, ...labels }, metadata.labels, `labels of ${namespace}`);
    }
    assert.deepEqual(planPool(await readStock(host), config).drain, [], 'nothing is deleted');
  }

  it('has its pair and nothing else after each of its writes at which its worker dies, once the job is resumed', async () => {
    const writes = await (async () => {
      await madePair();
      return await createUntil('team-a', 'job-0');
    })();
    assert.ok(writes >= 4, `claim, record, end of the pair, labels: ${writes} writes`);
    for (let diesAfter = 1; diesAfter <= writes; diesAfter++) {
      await clear();
      const pair = await madePair();
      await createUntil('team-a', 'job-1', diesAfter);
      await freeLeases();
      await createUntil('team-a', 'job-1', Infinity, true);
      await assertMadeOf('team-a', pair);
    }
  });

  it('leaves the pair to upkeep if nobody resumes the job, and never to another create', async () => {
    await clear();
    const pair = await madePair();
    await createUntil('team-a', 'job-1', 1);
    await freeLeases();
    await createUntil('team-a', 'job-2');
    const { demos } = await listDemos(host);
    assert.equal(demos.find(({ name }) => name === 'team-a')?.pair, undefined);
    const later = new Date(Date.now() + minutes(11));
    const stock = await readStock(host);
    assert.deepEqual(planPool(stock, config).drain, []);
    assert.deepEqual(
      planPool(stock, config, later).drain.map(({ name }) => name),
      [pair.name],
    );
  });

  it('shares the last pair with no other create that runs at the same time, at whichever write its worker dies', async () => {
    for (const diesAfter of [1, 2, 3, 4, 5, Infinity]) {
      await clear();
      const pair = await madePair();
      await Promise.all([createUntil('team-a', 'job-a', diesAfter), createUntil('team-b', 'job-b')]);
      await freeLeases();
      await createUntil('team-a', 'job-a', Infinity, true);
      const { demos, pairs } = await listDemos(host);
      const holders = demos.filter((demo) => demo.pair !== undefined);
      assert.equal(holders.length, 1, `one of ${demos.map(({ name }) => name).join()} has the pair`);
      assert.deepEqual([namespacesOf(holders[0]!), pairs], [namespacesOf(pair), []]);
      assert.deepEqual(demos.map(({ name }) => name).toSorted(), ['team-a', 'team-b']);
    }
  });
});
