import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { type Cluster } from '../../src/k8s/client/cluster.js';
import { list } from '../../src/k8s/client/lists.js';
import { merge } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { findDemo } from '../../src/k8s/demo/demo-record.js';
import { isSynced } from '../../src/k8s/workloads/pods.js';
import { type SimulatedHost } from '../support/host.js';
import { runningDemo } from '../support/running-demo.js';
import { textOf, type Stack } from '../support/stack.js';

/*
 * What a failed pause, resume or revoke advises is typed as it stands, after what was wrong has gone. With the processes of
 * dist/ on a simulated cluster.
 */

describe('a demo', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;

  // Deadlines are short, because the steps that fail here wait until then.
  const demo = runningDemo('nap', 0.1);
  before(() => {
    ({ host, stack, hostCluster: cluster } = demo);
  });

  /** The commands that a card advises. */
  const advisedIn = (text: string) => [...text.matchAll(/`\/vcdemo ([^`]+)`/g)].map(([, command]) => command!);
  const state = async () => (await findDemo(cluster, 'nap'))?.state;
  const card = async (pattern: RegExp) => textOf(await stack.message(pattern, 90_000));

  /** Keeps a pod of the demo from ending; resolves with what lets it. */
  async function holdPod(): Promise<() => Promise<unknown>> {
    const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'nap-vc1' });
    const { name } = pods.find(isSynced)!.metadata;
    const finalizers = (wanted: string[] | null) =>
      merge(cluster, ref('v1', 'Pod', name, 'nap-vc1'), { metadata: { finalizers: wanted } });
    await finalizers(['test.vcdemo.io/held']);
    return () => finalizers(null);
  }

  /** Lets a pause fail; resolves with what its card advises when the cause has gone. */
  async function failedPause(): Promise<string[]> {
    const release = await holdPod();
    await stack.mention(stack.slack.alice, 'pause nap'); // typed again within seconds it would count as the same one
    const advised = advisedIn(await card(/Pausing demo \*nap\* failed[\s\S]*still run/));
    await release();
    return advised;
  }

  it('that could not be paused is paused by what the card advises first, and resumed by the other', async () => {
    const advised = await failedPause();
    assert.deepEqual(advised, ['pause nap', 'resume nap']);
    await stack.type(stack.slack.alice, advised[0]!);
    await card(/Demo \*nap\* of .* is paused/);
    assert.deepEqual(await list(cluster, 'v1', 'Pod', { namespace: 'nap-vc1' }), []);
    await stack.type(stack.slack.alice, advised[1]!);
    await card(/Demo \*nap\* of .* is ready/);
    const [, resume] = await failedPause();
    await stack.mention(stack.slack.alice, resume!);
    await card(/Demo \*nap\* of .* is ready/);
    assert.equal(await state(), 'ready');
  });

  it('that could not be resumed is resumed by what the card advises', async () => {
    await stack.mention(stack.slack.alice, 'pause nap');
    await card(/Demo \*nap\* of .* is paused/);
    await host.cluster.inject('pods-pending');
    await stack.mention(stack.slack.alice, 'resume nap');
    const advised = advisedIn(await card(/Resuming demo \*nap\* failed[\s\S]*What to do/));
    assert.ok(advised.includes('create nap'), advised.join());
    await host.cluster.inject(undefined);
    await stack.type(stack.slack.alice, 'create nap');
    await card(/Demo \*nap\* of .* is ready/);
    assert.equal(await state(), 'ready');
  });

  it('whose keys could not be replaced is completed by what the card advises', async () => {
    const { alice } = stack.slack;
    await host.cluster.inject('pods-pending');
    await stack.confirm(alice, 'revoke nap');
    const advised = advisedIn(await card(/Replacing the keys of demo \*nap\* failed[\s\S]*What to do/));
    for (const command of ['create nap', 'revoke nap']) assert.ok(advised.includes(command), advised.join());
    await host.cluster.inject(undefined);
    await stack.mention(alice, 'create nap');
    await card(/Demo \*nap\* of .* is ready/);
  });

  it('whose keys could not be replaced gets new ones by the other', async () => {
    const { alice } = stack.slack;
    await host.cluster.inject('pods-pending');
    await stack.confirm(alice, 'revoke nap');
    await card(/Replacing the keys of demo \*nap\* failed/);
    await host.cluster.inject(undefined);
    await stack.confirm(alice, 'revoke nap');
    await stack.reply(/Demo \*nap\* has new keys/, 90_000);
  });
});
