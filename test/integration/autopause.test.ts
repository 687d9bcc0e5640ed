import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { minutes } from '../../src/duration.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { changeExisting, findDemo } from '../../src/k8s/demo/demo-record.js';
import { placesOf, type Demo } from '../../src/k8s/demo/demo.js';
import { sampleNamespace } from '../../src/k8s/mesh/helloworld.js';
import { sendTraffic } from '../../src/k8s/mesh/traffic.js';
import { VirtualClusterConnections } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* The pause of idle demos, with the processes of dist/ on a simulated cluster; time passes in the record alone. */

describe('a demo, where idle ones are paused after 15 minutes', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;
  let directory: string;

  before(async () => {
    host = await simulatedHost(undefined);
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-idle-'));
    const configFile = join(directory, 'config.yaml');
    const config = parse(await readFile(host.environment.VCDEMO_CONFIG!, 'utf8')) as object;
    await writeFile(configFile, stringify({ ...config, autoPause: { idle: '15m' } }));
    stack = await startStack({ ...host.environment, VCDEMO_CONFIG: configFile }, { notice: host.notice });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    await stack.startWorker();
    await stack.type(stack.slack.alice, 'create nap');
    await stack.message(/Demo \*nap\* of .* is ready[\s\S]*is paused after 15m without use, and expires/, 60_000);
    await foundWith('its first look', ({ traces }) => traces !== undefined);
  });
  after(async () => {
    cluster?.close();
    await stack?.close();
    await host?.close();
    await rm(directory, { recursive: true });
  });

  const found = async (): Promise<Demo> => (await findDemo(cluster, 'nap'))!;
  const foundWith = (what: string, isIt: (demo: Demo) => boolean) =>
    waitFor(what, async () => [await findDemo(cluster, 'nap')].find((demo) => demo && isIt(demo)), {
      withinMs: 60_000,
      everyMs: 100,
    });
  /** As if nobody had used it for so long; the next worker that starts does what is due. */
  const idleFor = async (ms: number) => {
    const used = new Date(Date.now() - ms);
    await changeExisting(cluster, await found(), (current) => ({ ...current, used }));
    return used;
  };

  it('is used by a command that names it', async () => {
    const used = await idleFor(minutes(14));
    await stack.type(stack.slack.bob, 'kubeconfig nap');
    await foundWith('the use by a command', (demo) => demo.used!.getTime() > used.getTime() + minutes(10));
  });

  it('is not paused after a time in which requests passed in its mesh', async () => {
    const connections = new VirtualClusterConnections(cluster, {
      signal: new AbortController().signal,
      inCluster: false,
    });
    const vc2 = await connections.connect(placesOf('nap')[1]!);
    await sendTraffic(vc2, { namespace: sampleNamespace, parallel: 1, sequential: 0 }, new AbortController().signal);
    await connections.close();
    const used = await idleFor(minutes(20));
    await stack.startWorker();
    const looked = await foundWith('a look at it', (demo) => demo.used!.getTime() > used.getTime() + minutes(10));
    assert.equal(looked.state, 'ready');
  });

  it('is not used by its scheduled verifies', async () => {
    const used = await idleFor(minutes(12));
    const begun = new Date();
    await changeExisting(cluster, await found(), (current) => ({
      ...current,
      schedule: { everyMs: minutes(15), last: new Date(Date.now() - minutes(16)) },
    }));
    await stack.startWorker();
    const seen = (await found()).traces?.seen;
    await foundWith(
      'a scheduled verify, and what it has left',
      (demo) => (demo.verdict?.at ?? used) > begun && demo.traces?.seen !== seen,
    );
    assert.deepEqual((await found()).used, used);
  });

  it('is paused when there was no use of any kind, and its thread says so, with a button that resumes it', async () => {
    await idleFor(minutes(20));
    await stack.startWorker();
    await stack.message(/Demo \*nap\* of .* is paused/, 60_000);
    const { slack } = stack;
    const said = await waitFor(
      'a message in its thread',
      async () => (await slack.replies(slack.channel)).find((reply) => textOf(reply).includes('was paused')),
      { withinMs: 30_000 },
    );
    assert.match(textOf(said), /Demo \*nap\* was paused after 15m without use/);
    assert.match(JSON.stringify(said.blocks), /"resume nap"/);
    assert.match((await found()).audit.at(-1)!.what, /paused it after 15m without use/);
  });

  it('is used from the moment when it is resumed', async () => {
    const { alice } = stack.slack;
    await stack.type(alice, 'resume nap');
    await stack.message(/Demo \*nap\* of .* is ready/, 90_000);
    assert.ok(Date.now() - (await found()).used!.getTime() < minutes(2));
    await stack.type(alice, 'status nap');
    await stack.whisper(alice, /nap\*[\s\S]*is paused .* unless somebody uses it before then, and expires/, 60_000);
    await stack.type(alice, 'extend nap 1h');
    await stack.whisper(alice, /nap\* now expires .* It is paused .*, unless somebody uses it/, 60_000);
  });
});
