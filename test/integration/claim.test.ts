import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import type { V1Lease } from '@kubernetes/client-node';
import { claimDemo, currentHolder, isHolder, type Claim } from '../../src/k8s/claim.js';
import { connectCluster, loadHostKubeConfig, type Cluster } from '../../src/k8s/cluster.js';
import { apply, merge, read, ref } from '../../src/k8s/objects.js';

/* On the simulated cluster, which refuses writes with an old resourceVersion as a real one does. */

describe('a claim on a demo', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  const signal = new AbortController().signal;
  const lease = (demo: string) => ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}`, 'default');

  before(async () => {
    simulated = await startSimulatedCluster();
    host = connectCluster('host', loadHostKubeConfig({ KUBECONFIG: simulated.kubeconfigFile }), {});
  });
  after(async () => {
    host.close();
    await simulated.close();
  });

  const claim = (demo: string, jobId: string) =>
    claimDemo({ host, namespace: 'default', demo, purpose: 'create', jobId, signal });
  async function held(demo: string, jobId: string): Promise<Claim> {
    const result = await claim(demo, jobId);
    assert.ok(!isHolder(result));
    return result;
  }
  const expireLease = (demo: string) =>
    merge(host, lease(demo), { spec: { renewTime: '2020-01-01T00:00:00.000000Z' } });

  it('is held by one job at a time, and the next learns by which', async () => {
    const first = await held('one', 'job-1');
    const second = await claim('one', 'job-2');
    assert.ok(isHolder(second));
    assert.deepEqual([second.jobId, second.purpose], ['job-1', 'create']);
    assert.equal((await currentHolder(host, 'default', 'one'))?.jobId, 'job-1');
    first.assertHeld();
    await first.release();
    assert.equal(await read(host, lease('one')), undefined, 'nothing is left');
  });

  it('goes to one of many that ask at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => claim('race', `job-${index}`)));
    const winners = results.filter((result): result is Claim => !isHolder(result));
    assert.equal(winners.length, 1);
    await winners[0]!.release();
  });

  it('is taken over when its holder has not renewed it, and the old holder stops and removes nothing', async () => {
    const old = await held('late', 'job-1');
    await expireLease('late');
    const taker = await held('late', 'job-2');
    if (!old.signal.aborted) await once(old.signal, 'abort'); // its next renewal meets the other's Lease
    assert.throws(() => old.assertHeld(), /lost/);
    await old.release();
    const left = await read<V1Lease>(host, lease('late'));
    assert.equal(left?.spec?.holderIdentity, 'create/job-2');
    await taker.release();
  });

  it('is not taken from a holder who renews it by a clock that is far behind', async () => {
    const behind = await held('behind', 'job-1');
    await behind.release();
    const renew = () =>
      apply(host, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'vcdemo-behind', namespace: 'default' },
        spec: {
          holderIdentity: 'create/job-1',
          leaseDurationSeconds: 15,
          acquireTime: '2020-01-01T00:00:00.000000Z',
          renewTime: `2020-01-01T00:00:00.${String(++renewals).padStart(6, '0')}Z`,
        },
      });
    let renewals = 0;
    await renew();
    const timer = setInterval(() => void renew(), 1000);
    const result = await claim('behind', 'job-2').finally(() => clearInterval(timer));
    assert.ok(isHolder(result));
    assert.equal(result.jobId, 'job-1');
  });
});
