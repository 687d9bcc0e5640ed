import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { V1Lease } from '@kubernetes/client-node';
import { UnreachableError } from '../../src/k8s/client/api-errors.js';
import { waitFor } from '../support/wait-for.js';
import { cancelHolder, currentHolder } from '../../src/k8s/demo/claim-holder.js';
import { Cancelled, claimDemo, isHolder, type Claim } from '../../src/k8s/demo/claim.js';
import type { ApiCall, Cluster } from '../../src/k8s/client/cluster.js';
import { apply, merge, read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* On the simulated cluster, which like a real one refuses writes with an old resourceVersion. */

describe('a claim on a demo', { concurrency: true }, () => {
  let host: Cluster;
  const signal = new AbortController().signal;
  const lease = (demo: string) => ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}`, 'default');
  withSimulatedCluster((connected) => (host = connected));

  const claim = (demo: string, jobId: string, on = host) =>
    claimDemo({ host: on, namespace: 'default', demo, purpose: 'create', jobId, signal: new AbortController().signal });
  async function held(demo: string, jobId: string, on = host): Promise<Claim> {
    const result = await claim(demo, jobId, on);
    assert.ok(!isHolder(result));
    return result;
  }
  const holderOf = async (demo: string) => (await read<V1Lease>(host, lease(demo)))?.spec?.holderIdentity ?? 'nobody';
  /** The Lease that a worker of that job leaves behind when it dies. */
  const leaveLease = (demo: string, renewTime: string) =>
    apply(host, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: `vcdemo-${demo}`, namespace: 'default' },
      spec: { holderIdentity: 'create/job-1', leaseDurationSeconds: 15, acquireTime: renewTime, renewTime },
    });
  const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString().replace('Z', '000Z');

  /** The host cluster as seen by a worker whose connection to it fails. */
  function unreliable() {
    const way = { isOpen: true, losesAnswers: 0 };
    const cluster: Cluster = {
      ...host,
      async request(call: ApiCall): Promise<unknown> {
        const broken = () => new UnreachableError('host', 'localhost', 'socket hang up', {});
        if (!way.isOpen) throw broken();
        const answer = await host.request(call);
        if (call.method === 'PUT' && way.losesAnswers > 0) {
          way.losesAnswers--;
          throw broken();
        }
        return answer;
      },
    };
    return { cluster, way };
  }

  it('is refused, rather than taken over, if the Lease of the demo does not say who holds it since when', async () => {
    await apply(host, {
      ...lease('odd'),
      metadata: { name: 'vcdemo-odd', namespace: 'default' },
      spec: { holderIdentity: 'create/job-1', leaseDurationSeconds: 15 },
    });
    await assert.rejects(
      claim('odd', 'job-2'),
      /^Error: Lease default\/vcdemo-odd cannot be used: its spec\.acquireTime is missing or invalid$/,
    );
    assert.equal(await holderOf('odd'), 'create/job-1');
  });

  it('is held by one job at a time, and the next job learns by which', async () => {
    const first = await held('one', 'job-1');
    const second = await claim('one', 'job-2');
    assert.ok(isHolder(second));
    assert.deepEqual([second.jobId, second.purpose], ['job-1', 'create']);
    assert.equal((await currentHolder(host, 'default', 'one', signal))?.jobId, 'job-1');
    first.assertHeld();
    await first.release();
    assert.equal(await read(host, lease('one')), undefined, 'nothing is left');
    assert.equal(await currentHolder(host, 'default', 'one', signal), undefined);
  });

  it('that was released early cannot be used, and its second release does not touch the next holder', async () => {
    const early = await held('early', 'job-1');
    await early.release();
    assert.throws(() => early.assertHeld(), /released/);
    assert.ok(!early.signal.aborted, 'what the job still tells people goes on');
    const next = await held('early', 'job-2');
    await early.release();
    assert.match(await holderOf('early'), /job-2/);
    await next.release();
  });

  const cancelIn = (demo: string, mayCancel = true) =>
    cancelHolder({ host, demo, namespace: 'default', by: 'U0BOB' }, () => mayCancel);

  it('is kept by a job that somebody cancels, which notices at its next renewal', async () => {
    const claimed = await held('cancelled', 'job-1');
    assert.equal((await cancelIn('cancelled', false))?.jobId, 'job-1');
    assert.equal((await cancelIn('cancelled'))?.jobId, 'job-1');
    if (!claimed.cancelled.aborted) await once(claimed.cancelled, 'abort');
    assert.ok(claimed.cancelled.reason instanceof Cancelled);
    assert.equal(claimed.cancelled.reason.by, 'U0BOB');
    claimed.assertHeld();
    await claimed.release();
    assert.equal(await cancelIn('cancelled'), undefined);
  });

  it('is cancelled in the next run of a job that died before it noticed, but not for another job', async () => {
    for (const [demo, jobId, isCancelled] of [
      ['died', 'job-1', true],
      ['other', 'job-2', false],
    ] as const) {
      await leaveLease(demo, tomorrow());
      await cancelIn(demo);
      const claimed = await held(demo, jobId);
      assert.equal(claimed.cancelled.aborted, isCancelled, demo);
      await claimed.release();
    }
  });

  it('goes to only one of many jobs that ask at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => claim('race', `job-${index}`)));
    const winners = results.filter((result): result is Claim => !isHolder(result));
    assert.equal(winners.length, 1);
    await winners[0]!.release();
  });

  it('is taken over when its holder cannot renew it, and the old holder stops and deletes nothing', async () => {
    const { cluster, way } = unreliable();
    const old = await held('late', 'job-1', cluster);
    way.isOpen = false;
    const taker = await held('late', 'job-2');
    assert.ok(old.signal.aborted, 'the old holder stopped before another took over');
    assert.throws(() => old.assertHeld(), /could not be renewed in time: .*socket hang up/);
    way.isOpen = true;
    await old.release();
    assert.match(await holderOf('late'), /^create\/job-2\//);
    const again = await claim('late', 'job-1');
    assert.ok(isHolder(again), 'who lost it learns who has it now');
    assert.equal(again.jobId, 'job-2');
    await taker.release();
  });

  it('is kept when the answer to a renewal is lost', async () => {
    const { cluster, way } = unreliable();
    const claimed = await held('answer', 'job-1', cluster);
    way.losesAnswers = 2;
    const renewals: (string | undefined)[] = [];
    await waitFor('four renewals', async () => {
      const version = (await read<V1Lease>(host, lease('answer')))?.metadata?.resourceVersion;
      if (renewals.at(-1) !== version) renewals.push(version);
      return renewals.length > 4 || undefined;
    });
    claimed.assertHeld();
    await claimed.release();
    assert.equal(await holderOf('answer'), 'nobody');
  });

  it('is kept when somebody edits its Lease', async () => {
    const claimed = await held('edited', 'job-1');
    await merge(host, lease('edited'), { metadata: { labels: { team: 'blue' } } });
    const edited = await read<V1Lease>(host, lease('edited'));
    await waitFor('a renewal after the edit', async () => {
      const version = (await read<V1Lease>(host, lease('edited')))?.metadata?.resourceVersion;
      return version !== edited?.metadata?.resourceVersion || undefined;
    });
    claimed.assertHeld();
    await claimed.release();
    assert.equal(await holderOf('edited'), 'nobody');
  });

  it('is lost when its Lease is deleted, and taken again at once', async () => {
    const claimed = await held('deleted', 'job-1');
    await remove(host, lease('deleted'));
    if (!claimed.signal.aborted) await once(claimed.signal, 'abort');
    assert.throws(() => claimed.assertHeld(), /its Lease was deleted/);
    const again = await held('deleted', 'job-1');
    again.assertHeld();
    await again.release();
  });

  it('a claim that was lost in an outage stays lost, and does not touch the claim of the next run', async () => {
    const { cluster, way } = unreliable();
    const claimed = await held('outage', 'job-1', cluster);
    way.isOpen = false;
    if (!claimed.signal.aborted) await once(claimed.signal, 'abort');
    await assert.rejects(claim('outage', 'job-1', cluster), UnreachableError);
    way.isOpen = true;
    const again = await held('outage', 'job-1', cluster);
    again.assertHeld();
    assert.throws(() => claimed.assertHeld(), /lost/, 'the old claim stays lost');
    await claimed.release();
    again.assertHeld();
    await again.release();
    assert.equal(await holderOf('outage'), 'nobody');
  });

  it('a claim is taken from a dead holder whose clock was a day ahead', async () => {
    await leaveLease('ahead', tomorrow());
    assert.equal(await currentHolder(host, 'default', 'ahead', signal), undefined, 'nobody is at work');
    const taker = await held('ahead', 'job-2');
    await taker.release();
  });

  it('a claim is not taken from a holder that renews it with a clock that is far behind', async () => {
    let renewals = 0;
    const renew = () => leaveLease('behind', `2020-01-01T00:00:00.${String(++renewals).padStart(6, '0')}Z`);
    await renew();
    const timer = setInterval(() => void renew(), 1000);
    const result = await claim('behind', 'job-2').finally(() => clearInterval(timer));
    assert.ok(isHolder(result));
    assert.equal(result.jobId, 'job-1');
  });

  it("waits for the end of the job's own earlier run", async () => {
    await leaveLease('resumed', tomorrow());
    const resumed = await held('resumed', 'job-1');
    assert.match(await holderOf('resumed'), /^create\/job-1\/\w+$/, 'the two runs have different names');
    await resumed.release();
  });
});
