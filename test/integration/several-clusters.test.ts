import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { connectCluster, homeNamespace } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { read } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { buttonsOf } from '../support/timeline.js';
import { jobKeysOf } from '../support/job-keys.js';

/* Two simulated host clusters, a worker for each, one bot: no worker has the other's credentials. */

/** What a host cluster has recorded of a demo. */
async function recordOf({ cluster }: SimulatedHost, demo: string): Promise<unknown> {
  const host = connectCluster('host', hostAccess({ KUBECONFIG: cluster.kubeconfigFile }));
  try {
    return (await read<V1ConfigMap>(host, ref('v1', 'ConfigMap', `vcdemo-${demo}`, homeNamespace(host.access))))?.data;
  } finally {
    host.close();
  }
}

describe('with two host clusters', () => {
  let eu: SimulatedHost;
  let us: SimulatedHost;
  let stack: Stack;
  let directory: string;

  before(async () => {
    [eu, us] = await Promise.all([simulatedHost(undefined), simulatedHost(undefined)]);
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-clusters-'));
    const ofCluster = async ({ environment }: SimulatedHost) =>
      parse(await readFile(environment.VCDEMO_CONFIG!, 'utf8')) as { exposure: object };
    const [settings, { exposure }] = [await ofCluster(eu), await ofCluster(us)];
    const config = join(directory, 'config.yaml');
    await writeFile(config, stringify({ ...settings, clusters: { eu: null, us: { exposure } } }));
    stack = await startStack({ ...eu.environment, VCDEMO_CONFIG: config, KUBECONFIG: '' }, { notice: eu.notice });
    for (const [name, { environment }] of Object.entries({ eu, us }))
      await stack.startWorker({ HOST_CLUSTER: name, KUBECONFIG: environment.KUBECONFIG!, ...jobKeysOf(name) });
  });
  after(async () => {
    await stack?.close();
    await Promise.all([eu?.close(), us?.close()]);
    if (directory) await rm(directory, { recursive: true });
  });

  const ask = async (text: string, answer: RegExp) => {
    await stack.type(stack.slack.bob, text);
    return await stack.whisper(stack.slack.bob, answer);
  };

  it('a demo is created on the requested host cluster, found without naming it, and deleted there', async () => {
    const { slack } = stack;
    await stack.type(slack.alice, 'create far --on us');
    await stack.message(/Demo \*far\* of .* is ready on us/, 60_000);
    await stack.type(slack.bob, 'verify far');
    assert.match(textOf(await stack.message(/requests from sleep/)), /v1: [1-9]\d* · v2: [1-9]/);
    assert.match(await ask('status far', /Demo \*?far/), /all parts are in place/);
    await stack.type(slack.bob, 'list');
    await stack.whisper(slack.bob, /There are no demos on eu/);
    await stack.whisper(slack.bob, /One demo on us:/);
    assert.match(await stack.confirm(slack.alice, 'delete far'), /It belongs to .* on us, .*Delete far on us/s);
    await stack.message(/Demo \*far\* has been deleted; nothing is left/);
  });

  it('a demo is extended, shared and transferred where it is, after the person has seen where that is', async () => {
    const { slack } = stack;
    await stack.type(slack.alice, 'create near --on us');
    await stack.message(/Demo \*near\* of .* is ready on us/, 60_000);
    assert.match(await stack.confirm(slack.alice, 'extend near 90m'), /several host clusters.* on us/s);
    await stack.whisper(slack.alice, /Demo \*near\* now expires/);
    assert.ok(slack.timeline.entries.some((entry) => textOf(entry).includes('Confirmed: Extend near on us.')));
    await stack.confirm(slack.alice, `share near <@${slack.bob.userId}>`);
    await stack.whisper(slack.alice, /Demo \*near\* is shared with/);
    await stack.confirm(slack.alice, `share near <@${slack.bob.userId}> --stop`);
    await stack.whisper(slack.alice, /Demo \*near\* is no longer shared with/);
    await stack.confirm(slack.alice, `transfer near <@${slack.bob.userId}>`);
    await stack.whisper(slack.alice, /Demo \*near\* now belongs to/);
  });

  it('every button on a demo acts on its own host cluster, though another has a demo of that name', async () => {
    const { slack } = stack;
    await stack.type(slack.alice, 'create twin --on eu');
    await stack.message(/Demo \*twin\* of .* is ready on eu/, 60_000);
    // In other words than those of Repair, which would count as the same command for ten seconds.
    await stack.type(slack.alice, 'create twin --on us --ttl 8h');
    const card = await stack.message(/Demo \*twin\* of .* is ready on us/, 60_000);
    const untouched = await recordOf(eu, 'twin');
    const answers: Record<string, () => Promise<unknown>> = {
      Verify: () => stack.message(/requests from sleep/),
      Kubeconfig: () => stack.whisper(slack.alice, /Your kubeconfig for demo \*?twin/),
      Dashboard: () => stack.whisper(slack.alice, /The Kubernetes Dashboards of demo \*?twin/),
      Extend: () => stack.whisper(slack.alice, /Demo \*?twin\*? now expires/),
      Status: () => stack.whisper(slack.alice, /Demo \*?twin\*? .*all parts are in place/),
      Share: async () => {
        const { alice, bob } = slack;
        const { modal } = slack.views;
        assert.match(JSON.stringify(modal?.view), /Share a demo/);
        assert.deepEqual(await stack.submit(alice, { person: bob.userId }), {});
        await stack.whisper(alice, /Demo \*twin\* is shared with/);
      },
      Repair: () => stack.whisper(slack.alice, /Demo \*?twin\*? already exists/),
      'Replace all keys': () => stack.whisper(slack.alice, /Replace all keys of demo/),
      Delete: () => stack.whisper(slack.alice, /Delete demo \*?twin/),
      Pause: () => stack.message(/Demo \*?twin\*? of .* is paused on us/, 60_000),
    };
    // A paused demo has other buttons.
    const shown = buttonsOf(card).toSorted((a, b) => Number(a.label === 'Pause') - Number(b.label === 'Pause'));
    assert.deepEqual(shown.map(({ label }) => label).toSorted(), Object.keys(answers).toSorted());
    const entry = slack.timeline.entries.find(({ id }) => id === card.ts)!;
    for (const button of shown) {
      await stack.click(slack.alice, button, entry);
      await answers[button.label]!();
    }
    await stack.confirm(slack.alice, 'delete twin --on us');
    await stack.message(/Demo \*twin\* has been deleted; nothing is left/);
    assert.equal(await recordOf(us, 'twin'), undefined);
    assert.deepEqual(await recordOf(eu, 'twin'), untouched);
  });

  it('a create in the thread of a demo means that demo, on its own host cluster', async () => {
    const { slack } = stack;
    await stack.type(slack.alice, 'create below --on us');
    const card = await stack.message(/Demo \*below\* of .* is ready on us/, 60_000);
    await stack.mention(slack.alice, 'create', card.ts);
    await stack.whisper(slack.alice, /Demo \*?below\*? already exists/);
    await stack.mention(slack.alice, 'create --check', card.ts);
    await stack.whisper(slack.alice, /Nothing would stop .* on us/);
    assert.equal(await recordOf(eu, 'demo'), undefined);
    assert.equal(await recordOf(us, 'below-2'), undefined);
    await stack.confirm(slack.alice, 'delete below --on us');
    await stack.message(/Demo \*below\* has been deleted; nothing is left/);
  });

  it('a demo that does not exist is reported once, by the last host cluster that was asked', async () => {
    const { slack } = stack;
    await stack.type(slack.bob, 'verify nowhere');
    await stack.whisper(slack.bob, /There is no demo nowhere on eu or us/);
    await stack.type(slack.bob, 'verify nowhere --on eu');
    await stack.whisper(slack.bob, /There is no demo nowhere on eu\./);
    const answers = slack.timeline.entries.map(textOf).filter((text) => text.includes('There is no demo nowhere'));
    assert.equal(answers.length, 2);
  });
});
