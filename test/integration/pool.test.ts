import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { findDemo, listDemos } from '../../src/k8s/demo/demo-record.js';
import { demoLabels, type Demo } from '../../src/k8s/demo/demo.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { list } from '../../src/k8s/client/lists.js';
import { read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { VirtualClusterConnections } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, type RunningProcess, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A pool of warm pairs, with the processes of dist/ on a simulated cluster. */

describe('a create while a warm pair is ready', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;
  let directory: string;
  let configFile: string;
  const steps: { demo: string; step: string }[] = [];

  before(async () => {
    host = await simulatedHost(undefined);
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-pool-'));
    configFile = join(directory, 'config.yaml');
    await configure({ pool: { size: 1 } });
    stack = await startStack({ ...host.environment, VCDEMO_CONFIG: configFile }, { notice: host.notice });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    await stack.startWorker({}, (line) => {
      if (line.includes('"step done"')) steps.push(JSON.parse(line) as (typeof steps)[number]);
    });
  });
  after(async () => {
    cluster?.close();
    await stack?.close();
    await host?.close();
    await rm(directory, { recursive: true });
  });

  async function configure(keys: object): Promise<void> {
    const config = parse(await readFile(host.environment.VCDEMO_CONFIG!, 'utf8')) as object;
    await writeFile(configFile, stringify({ ...config, ...keys }));
  }
  const readyPairs = async () => (await listDemos(cluster)).pairs.filter(({ warm }) => warm?.state === 'ready');
  const readyPair = (other?: string): Promise<Demo> =>
    waitFor('a warm pair', async () => (await readyPairs()).find(({ name }) => name !== other), {
      withinMs: 90_000,
      everyMs: 100,
    });
  const stepsOf = (name: string) => steps.filter(({ demo }) => demo === name).map(({ step }) => step);
  const gone = (namespace: string) =>
    waitFor(`the end of ${namespace}`, async () => !(await read(cluster, ref('v1', 'Namespace', namespace))), {
      withinMs: 60_000,
      everyMs: 100,
    });

  it('takes it over, gives it its name and its labels, and delivers a kubeconfig with its own name', async () => {
    const pair = await readyPair();
    const { slack } = stack;
    await stack.type(slack.alice, 'create team-a');
    await stack.message(/Demo \*team-a\* of .* is ready/, 60_000);
    const demo = (await findDemo(cluster, 'team-a'))!;
    assert.deepEqual([demo.pair, demo.state, demo.owner.id], [pair.name, 'ready', slack.alice.userId]);
    assert.deepEqual(demo.namespaceUids, pair.namespaceUids);
    assert.equal(await findDemo(cluster, pair.name), undefined, 'the pair has no record any more');
    for (const { name, namespace } of demo.places) {
      assert.equal(namespace, `${pair.name}-${name}`);
      const { metadata } = (await read<V1Namespace>(cluster, ref('v1', 'Namespace', namespace)))!;
      const labels = demoLabels('team-a', name);
      assert.deepEqual({ ...metadata.labels, ...labels }, metadata.labels);
      assert.equal(metadata.annotations['vcdemo.io/owner-name'], demo.owner.name);
    }
    const kubeconfig = (await slack.files(slack.channel)).find(({ name }) => name === 'team-a.kubeconfig.yaml')!;
    assert.match(kubeconfig.content, /tls-server-name: team-a-vc1\.vcdemo\.localhost/);
    const done = stepsOf('team-a');
    assert.ok(done.includes('meshTraffic') && done.includes('kubeconfig'), 'it is proven like any other');
    assert.ok(!done.includes('istiod') && !done.includes('vcClient'), 'what the pair has is not looked through again');
    await readyPair();
  });

  it('makes a demo that all commands know by its name, and whose deletion deletes the namespaces of the pair', async () => {
    const { slack } = stack;
    const { places } = (await findDemo(cluster, 'team-a'))!;
    await stack.type(slack.alice, 'verify team-a');
    await stack.message(/\*team-a\*[\s\S]*balanced|:white_check_mark:[\s\S]*team-a/, 60_000);
    await stack.type(slack.alice, 'kubeconfig team-a');
    await stack.whisper(slack.alice, /Your kubeconfig for demo \*team-a\* is in your direct messages/, 60_000);
    await stack.type(slack.alice, 'dashboard team-a');
    await stack.whisper(slack.alice, /team-a-vc2-dashboard\.vcdemo\.localhost/, 60_000);
    await stack.type(slack.alice, 'status team-a');
    await stack.whisper(
      slack.alice,
      /team-a\*[\s\S]*all parts are in place[\s\S]*pool-[\s\S]*Warm pairs: 1 ready/,
      60_000,
    );
    await stack.confirm(slack.alice, 'delete team-a');
    await stack.message(/Demo \*team-a\* has been deleted; nothing is left/, 60_000);
    for (const { namespace } of places)
      assert.equal(await read(cluster, ref('v1', 'Namespace', namespace)), undefined, namespace);
  });

  it('restores what has broken in the pair since it was made', async () => {
    const pair = await readyPair();
    const { signal } = new AbortController();
    const connections = new VirtualClusterConnections(cluster, { signal, inCluster: false });
    try {
      const vc2 = await connections.connect(pair.places.find(({ name }) => name === 'vc2')!);
      const helloworld = ref('apps/v1', 'Deployment', 'helloworld-v2', 'sample');
      await remove(vc2, helloworld);
      await stack.type(stack.slack.alice, 'create team-b');
      await stack.message(/Demo \*team-b\* of .* is ready/, 90_000);
      assert.ok(await read(vc2, helloworld));
    } finally {
      await connections.close();
    }
    assert.equal((await findDemo(cluster, 'team-b'))?.pair, pair.name);
    assert.ok(stepsOf('team-b').includes('helloworld'), 'the whole table was run');
    await stack.confirm(stack.slack.alice, 'delete team-b');
    await stack.message(/Demo \*team-b\* has been deleted; nothing is left/, 60_000);
  });

  it('has its pairs made anew when the configuration changes, and deleted when there are to be none', async () => {
    const earlier = await readyPair();
    await configure({ pool: { size: 1 }, helloworld: { resources: { requests: { cpu: '20m' } } } });
    await stack.startWorker(); // it looks at once what is due
    await readyPair(earlier.name);
    for (const { namespace } of earlier.places) await gone(namespace);
    await configure({ pool: { size: 0 } });
    await stack.startWorker();
    await waitFor('the end of the last pair', async () => (await listDemos(cluster)).pairs.length === 0, {
      withinMs: 60_000,
      everyMs: 100,
    });
  });
});

describe('a create while the pool has a paused pair', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;
  let directory: string;
  let worker: RunningProcess;
  const lines: string[] = [];

  before(async () => {
    host = await simulatedHost(undefined);
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-pool-'));
    const config = parse(await readFile(host.environment.VCDEMO_CONFIG!, 'utf8')) as object;
    const configFile = join(directory, 'config.yaml');
    await writeFile(configFile, stringify({ ...config, pool: { size: 1, paused: true } }));
    stack = await startStack({ ...host.environment, VCDEMO_CONFIG: configFile }, { notice: host.notice });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    worker = await stack.startWorker({}, (line) => lines.push(line));
  });
  after(async () => {
    cluster?.close();
    await stack?.close();
    await host?.close();
    await rm(directory, { recursive: true });
  });

  const readyPair = () =>
    waitFor('a warm pair', async () => (await listDemos(cluster)).pairs.find(({ warm }) => warm?.state === 'ready'), {
      withinMs: 90_000,
      everyMs: 100,
    });

  it('finds a pair that was proven, whose control planes are stopped while its mesh goes on', async () => {
    const pair = await readyPair();
    assert.equal(pair.warm?.isPaused, true);
    for (const { namespace } of pair.places) {
      const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace });
      const isRunning = (label: string, value: string) => pods.some(({ metadata }) => metadata.labels[label] === value);
      assert.deepEqual([isRunning('app', 'vcluster'), isRunning('app', 'istiod')], [false, true], namespace);
    }
    await stack.type(stack.slack.alice, 'list');
    await stack.whisper(stack.slack.alice, /Warm pairs: 1 ready \(paused\)/, 60_000);
  });

  it('starts it and makes a demo of it, without waiting for what cannot run yet', async () => {
    const { alice } = stack.slack;
    const pair = await readyPair();
    await stack.type(alice, 'create team-b');
    await stack.message(/Demo \*team-b\* of .* is ready/, 90_000);
    assert.equal((await findDemo(cluster, 'team-b'))?.pair, pair.name);
    assert.ok(!lines.some((line) => /warm pair is broken|"step failed"/.test(line)), 'no step fails on the way');
  });

  it('makes the demo although its worker is killed in between', async () => {
    const { alice } = stack.slack;
    const pair = await readyPair();
    await stack.type(alice, 'create team-a');
    await waitFor('the claim of the pair', async () => (await findDemo(cluster, 'team-a'))?.pair === pair.name, {
      withinMs: 30_000,
      everyMs: 5,
    });
    await worker.kill('SIGKILL');
    await stack.startWorker();
    // A job whose worker died goes on after 30 s or, if its lock ends just after a look, after 60 s.
    await stack.message(/Demo \*team-a\* of .* is ready/, 150_000);
    const demo = (await findDemo(cluster, 'team-a'))!;
    assert.deepEqual([demo.state, demo.namespaceUids], ['ready', pair.namespaceUids]);
    assert.equal(await findDemo(cluster, pair.name), undefined, 'the pair has no record any more');
    await stack.type(alice, 'status team-a');
    await stack.whisper(alice, /team-a\*[\s\S]*all parts are in place/, 60_000);
  });
});
