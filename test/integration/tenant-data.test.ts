import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { V1Secret } from '@kubernetes/client-node';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig } from '../../src/config.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import {
  checkDemoKubeconfig,
  makeDemoKubeconfig,
  requireDemoKubeconfig,
} from '../../src/k8s/credentials/demo-kubeconfig.js';
import { type VirtualClusters } from '../../src/k8s/credentials/kubeconfig.js';
import { create, merge, read } from '../../src/k8s/client/objects.js';
import { ref, type Reference } from '../../src/k8s/client/manifest.js';
import { VirtualClusterConnections, virtualClusterAnswers } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import { makeExecutables, type Executables } from '../support/executables.js';
import { waitFor } from '../support/wait-for.js';
import { plannedDemo } from '../support/planned-demo.js';

/*
 * Somebody who can write Secrets in a demo's namespaces attacks the worker and the recipients of its kubeconfig with a
 * program that, if run, leaves a file behind.
 */

const { signal } = new AbortController();
const config = { ...readDemoConfig(undefined), exposure: { kind: 'none' as const } };
const demo = plannedDemo({ owner: { id: 'U1', name: 'ada' }, now: new Date(), claimNamespace: 'default' });
const { places } = demo;

describe("with Secrets that a demo's administrator has changed", () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  let clusters: VirtualClusters;
  let connections: VirtualClusterConnections;
  let scripts: Executables;
  let mark: string;
  let exec: object;

  before(async () => {
    scripts = await makeExecutables();
    mark = join(scripts.directory, 'pwned');
    const command = await scripts.write('evil', `touch ${mark}`);
    exec = { command, apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never' };
    simulated = await startSimulatedCluster({ podStartMs: 40, virtualClusterStartMs: 40 });
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.kubeconfigFile }));
    connections = new VirtualClusterConnections(host, { signal, inCluster: false });
    const helm = fileURLToPath(new URL('../../simulator/bin/helm', import.meta.url));
    for (const { name, namespace } of places) {
      await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      const env = { KUBECONFIG: simulated.kubeconfigFile };
      await execa(helm, ['upgrade', '-i', name, 'vcluster', '-n', namespace, '--version', '0.34.0'], { env });
    }
    for (const place of places)
      await waitFor(
        `the API of ${place.name}`,
        async () => (await virtualClusterAnswers(host, place, connections)).holds,
      );
    const [vc1, vc2] = [await connections.connect(places[0]!), await connections.connect(places[1]!)];
    clusters = { vc1, vc2 };
  });
  after(async () => {
    await connections.close();
    host.close();
    await simulated.close();
    await scripts.remove();
  });

  async function change(reference: Reference, key: string, edit: (content: any) => void): Promise<void> {
    const secret = await read<V1Secret>(host, reference);
    const content: unknown = parse(Buffer.from(secret!.data![key]!, 'base64').toString('utf8'));
    edit(content);
    await merge(host, reference, { stringData: { [key]: stringify(content) } });
  }

  it('the worker runs no program that a virtual cluster’s kubeconfig names, and still reaches the cluster', async () => {
    await change(ref('v1', 'Secret', 'vc-vc1', 'demo-vc1'), 'config', (kubeconfig) => {
      kubeconfig.users[0].user = { exec };
      kubeconfig.clusters[0].cluster = { server: 'http://127.0.0.1:1', 'proxy-url': 'http://127.0.0.1:1' };
    });
    const own = new VirtualClusterConnections(host, { signal, inCluster: false });
    assert.deepEqual(await virtualClusterAnswers(host, places[0]!, own), { holds: true });
    await own.close();
    assert.equal(existsSync(mark), false);
  });

  it('the worker says which Secret is broken, and how to fix it', async () => {
    await merge(host, ref('v1', 'Secret', 'vc-vc2', 'demo-vc2'), { stringData: { 'client-key': 'x' } });
    const own = new VirtualClusterConnections(host, { signal, inCluster: false });
    await assert.rejects(own.connect(places[1]!), /Secret vc-vc2 in namespace demo-vc2 .*client-key cannot be read/);
    await own.close();
  });

  it("nobody gets a kubeconfig that somebody has changed, and the demo's kubeconfig is created again", async () => {
    const stored = ref('v1', 'Secret', 'vcdemo-kubeconfig', 'demo-vc1');
    await makeDemoKubeconfig(host, config, demo, clusters, signal);
    assert.deepEqual(await checkDemoKubeconfig(host, config, demo, clusters), { holds: true });
    const { text: original } = await requireDemoKubeconfig(host, config, demo);

    await change(stored, 'kubeconfig', (kubeconfig) => (kubeconfig.users[1].user.exec = exec));
    const { holds, seen } = (await checkDemoKubeconfig(host, config, demo, clusters)) as { holds: false; seen: string };
    assert.equal(holds, false);
    assert.match(seen, /the kubeconfig has been changed: its users\.1\.user is not what vcdemo writes \(exec\)/);
    await assert.rejects(requireDemoKubeconfig(host, config, demo), /has been changed and will not be sent/);

    await makeDemoKubeconfig(host, config, demo, clusters, signal);
    await change(stored, 'kubeconfig', (kubeconfig) => (kubeconfig.clusters[0].cluster.server = 'https://evil:443'));
    assert.equal((await checkDemoKubeconfig(host, config, demo, clusters)).holds, false);
    assert.doesNotMatch((await requireDemoKubeconfig(host, config, demo)).text, /evil/);
    assert.match(original, /current-context: vc1/);
    assert.equal(existsSync(mark), false);
  });
});
