import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig } from '../../src/config.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, listDemos } from '../../src/k8s/demo/demo-record.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

describe('the limit of demos per person', () => {
  let cluster: SimulatedCluster;
  let host: Cluster;
  withSimulatedCluster((connected, simulated) => ([host, cluster] = [connected, simulated]));

  const limits = { ...readDemoConfig(undefined).limits, demosPerPerson: 2 };
  /** No step of a flow is done: only what comes before counts. */
  const draining = AbortSignal.abort(new Error('the worker is stopping'));
  const demosOf = async (userId: string) =>
    (await listDemos(host)).demos.filter((demo) => demo.owner.id === userId).length;

  it('holds for creates that several workers begin at the same moment', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const ends = await Promise.all(
      names.map((demo) => commandRunner(cluster, { config: { limits } })('create', 'U0ALICE', { demo }, { draining })),
    );
    assert.equal(await demosOf('U0ALICE'), 2);
    assert.equal(ends.filter(({ code }) => code === 'too-many-demos').length, 2, ends.map(({ code }) => code).join());
  });

  it('holds for demos that are transferred to somebody while they create one', async () => {
    for (const name of ['given', 'granted']) {
      const demo = plannedDemo({ name, owner: { id: 'U0ALICE', name: 'alice' }, now: new Date() });
      await changeRecord(host, { ...demo, state: 'ready', claimNamespace: 'default' }, (current) => current);
    }
    const run = commandRunner(cluster, { config: { limits } });
    await Promise.all([
      run('transfer', 'U0ALICE', { demo: 'given', person: 'U0BOB' }),
      run('transfer', 'U0ALICE', { demo: 'granted', person: 'U0BOB' }),
      run('create', 'U0BOB', { demo: 'own' }, { draining }),
    ]);
    assert.equal(await demosOf('U0BOB'), 2);
  });
});
