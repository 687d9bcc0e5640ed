import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Lease } from '@kubernetes/client-node';
import { holderNow } from '../../src/k8s/demo/claim-holder.js';
import { claimDemo, isHolder, type Claim, type ClaimRequest } from '../../src/k8s/demo/claim.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { noteSchedule } from '../../src/k8s/demo/demo-verdict.js';
import { apply, read } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { waitFor } from '../support/wait-for.js';

/* Two workers that want to verify one demo, as two runs of handlers on one simulated cluster. */

const alice = { userId: 'U0ALICE', channelId: 'C0DEMOS' };
const hourAgo = new Date(Date.now() - 3_600_000);

describe('a verify', { concurrency: true }, () => {
  let host: Cluster;
  let command: ReturnType<typeof commandRunner>;
  withSimulatedCluster((connected, cluster) => {
    host = connected;
    command = commandRunner(cluster);
  });

  const lease = (demo: string) => ref('coordination.k8s.io/v1', 'Lease', `vcdemo-${demo}.verify`, 'default');
  const readied = (name: string) => {
    const owner = { id: alice.userId, name: 'alice' };
    const demo = plannedDemo({ name, owner, now: hourAgo, ttlMs: 86_400_000, claimNamespace: 'default' });
    return changeRecord(host, demo, (current) => ({ ...current, state: 'ready', ready: hourAgo }));
  };
  async function claimed(demo: string, request: Partial<ClaimRequest> = {}): Promise<Claim> {
    const { signal } = new AbortController();
    const whole = { host, namespace: 'default', demo, purpose: 'verify', jobId: 'held-1', signal, ...request };
    const claim = await claimDemo({ right: 'verify', ...whole });
    assert.ok(!isHolder(claim));
    return claim;
  }

  it('is not started while another one is under way, whose person and channel are named', async () => {
    await readied('busy');
    const claim = await claimed('busy', { asker: alice });
    const { code, said } = await command('verify', 'U0BOB', { demo: 'busy' });
    assert.equal(code, undefined);
    assert.equal(said.length, 1);
    assert.match(
      said[0]!,
      /<@U0ALICE> is verifying demo \*busy\* .* posted in <#C0DEMOS> and shown on the demo's card/s,
    );
    claim.assertHeld();
    await claim.release();
  });

  it('that is not started still begins the schedule that was asked for, and says so', async () => {
    await readied('later');
    const claim = await claimed('later', { asker: alice });
    const { said } = await command('verify', 'U0BOB', { demo: 'later', every: 900_000 });
    assert.match(said[0]!, /verified every 15m/);
    assert.equal((await findDemo(host, 'later'))?.schedule?.everyMs, 900_000);
    await claim.release();
  });

  it('that began a schedule is refused when its job is replayed, so that a schedule that was ended since stays ended', async () => {
    await readied('replayed');
    const claim = await claimed('replayed', { asker: alice });
    const id = 'verify-of-the-schedule';
    await command('verify', 'U0BOB', { demo: 'replayed', every: 900_000 }, { id });
    assert.ok((await findDemo(host, 'replayed'))?.schedule);
    const ended = { id: 'verify-of-its-end' };
    await command('verify', 'U0BOB', { demo: 'replayed', every: 'off' }, ended);
    for (const every of [900_000, 'off'] as const) {
      const replayed = every === 'off' ? ended : { id };
      assert.equal((await command('verify', 'U0BOB', { demo: 'replayed', every }, replayed)).code, 'command-over');
    }
    assert.equal((await findDemo(host, 'replayed'))?.schedule, undefined);
    await claim.release();
  });

  it('by schedule is skipped while another one is under way, and is due again at the next turn only', async () => {
    const demo = await readied('due');
    await noteSchedule(host, demo, 900_000, 'verify-0');
    await changeRecord(host, demo, (current) => ({ ...current, schedule: { ...current.schedule!, last: hourAgo } }));
    const claim = await claimed('due');
    const { code, said } = await command('reverify' as 'verify', alice.userId, { demo: 'due' });
    assert.deepEqual([code, said], [undefined, []]);
    assert.ok((await findDemo(host, 'due'))!.schedule!.last > hourAgo);
    await claim.release();
  });

  it('takes over from a worker that was killed', async () => {
    await readied('dead');
    const time = new Date().toISOString().replace('Z', '000Z');
    await apply(host, {
      ...lease('dead'),
      spec: { holderIdentity: 'verify/verify-9', leaseDurationSeconds: 15, acquireTime: time, renewTime: time },
    });
    // It gets as far as the virtual clusters, which this demo does not have.
    const { error } = await command('verify', 'U0BOB', { demo: 'dead' });
    assert.match(error?.message ?? '', /demo dead has no vc1/);
    assert.equal(await read(host, lease('dead')), undefined, 'its own claim is released');
  });

  it('is awaited by a repair, during which no other one starts', async () => {
    await readied('mended');
    const claim = await claimed('mended');
    const version = async () =>
      (await read<V1Lease>(host, ref('coordination.k8s.io/v1', 'Lease', 'vcdemo-mended', 'default')))?.metadata
        ?.resourceVersion;
    const draining = new AbortController();
    const repair = command('create', alice.userId, { demo: 'mended', restart: true }, { draining: draining.signal });
    const first = await waitFor('the claim of the repair', version);
    await waitFor('its renewal', async () => (await version()) !== first);
    assert.equal((await findDemo(host, 'mended'))?.state, 'ready', 'nothing has been changed');
    await claim.release();
    const keptOut = await waitFor('the repair to begin', async () => {
      const holder = await holderNow(host, 'default', 'mended', 'verify');
      return holder?.purpose === 'create' && holder;
    });
    assert.equal(keptOut.purpose, 'create');
    draining.abort(new Error('that is enough'));
    await repair;
    assert.equal(await holderNow(host, 'default', 'mended', 'verify'), undefined);
  });
});
