import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { type V1Pod, type V1Service } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { createAuthority } from '../../../simulator/certificates.js';
import { readDemoConfig } from '../../../src/config.js';
import { virtualClusterNames, type VirtualClusterName } from '../../../src/k8s/demo/demo.js';
import { execInPod } from '../../../src/k8s/client/exec.js';
import { helloworldManifests } from '../../../src/k8s/mesh/helloworld.js';
import { applyAll, apply, merge, read, remove } from '../../../src/k8s/client/objects.js';
import { list } from '../../../src/k8s/client/lists.js';
import { pathOf } from '../../../src/k8s/client/discovery.js';
import { ref, type Manifest } from '../../../src/k8s/client/manifest.js';
import { readClusterFacts } from '../../../src/k8s/mesh/mesh-facts.js';
import { deploymentReady } from '../../../src/k8s/workloads/pods.js';
import { remoteSecret } from '../../../src/k8s/mesh/remote-secrets.js';
import { sendTraffic } from '../../../src/k8s/mesh/traffic.js';
import { certificateAuthority as authorityOf } from '../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { deployment, describePair, runTool, waitFor, places } from '../../support/simulated-pair.js';
import { request } from '../../support/answers.js';

describePair('the mesh', (pair) => {
  const { signal } = new AbortController();
  const send = async () =>
    sendTraffic(await pair.virtual('vc1'), { namespace: 'sample', parallel: 12, sequential: 24 }, signal);
  const answered = async () => (await send()).sequential.versions;
  const [oneRoot, anotherRoot] = [createAuthority('one root'), createAuthority('another root')];
  const cacerts = ({ certificate, privateKey }: typeof oneRoot): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: 'istio-system' },
    stringData: { 'root-cert.pem': certificate, 'ca-cert.pem': certificate, 'ca-key.pem': privateKey },
  });
  const facts = async () =>
    readClusterFacts({
      ...{ cluster: await pair.virtual('vc1'), other: await pair.virtual('vc2') },
      ...{ namespace: 'sample', signal },
    });

  before(async () => {
    for (const name of virtualClusterNames) {
      const cluster = await pair.virtual(name);
      await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } });
      await apply(cluster, cacerts(oneRoot));
      const operator = {
        kind: 'IstioOperator',
        spec: { values: { global: { multiCluster: { clusterName: name } } } },
      };
      const rendered = await runTool('istioctl', '', ['manifest', 'generate', '-f', '-'], operator);
      await applyAll(
        cluster,
        parseAllDocuments(rendered).map((document) => document.toJS() as Manifest),
      );
    }
  });

  it('starts pods of an injected namespace with a sidecar, once istiod is ready', async () => {
    for (const name of virtualClusterNames) {
      const cluster = await pair.virtual(name);
      const [namespace, ...rest] = helloworldManifests(name, readDemoConfig(undefined));
      await apply(cluster, namespace!);
      await applyAll(cluster, rest);
      await waitFor(
        'the samples',
        async () =>
          (await deploymentReady(cluster, 'sample', 'sleep')).holds &&
          (await deploymentReady(cluster, 'sample', `helloworld-v${name.at(-1)}`)).holds,
      );
      const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'sample' });
      for (const pod of pods)
        assert.deepEqual(pod.spec!.containers.map((container) => container.name).slice(1), ['istio-proxy']);
    }
  });

  it('answers only from its own cluster while it has no remote secret', async () => {
    assert.deepEqual(await answered(), { v1: 24 });
  });

  it('answers from both clusters once istiod can reach the other API', async () => {
    await joinMesh('vc1', 'vc2');
    const versions = await answered();
    assert.deepEqual(Object.keys(versions).toSorted(), ['v1', 'v2']);
    assert.equal(versions.v1! + versions.v2!, 24);
  });

  it('shows the endpoints of both clusters in the sidecar, and how often each was asked', async () => {
    const { parallel, endpoints, retries } = await send();
    assert.equal(parallel.versions.v1! + parallel.versions.v2!, 12);
    const pods = await Promise.all(
      virtualClusterNames.map(async (name) =>
        list<V1Pod>(await pair.virtual(name), 'v1', 'Pod', { namespace: 'sample', labels: { app: 'helloworld' } }),
      ),
    );
    const expected = pods.flat().map(({ status }) => ({ address: `${status!.podIP}:5000`, isHealthy: true }));
    assert.deepEqual(new Set(endpoints), new Set(expected));
    assert.equal(retries, 0);
  });

  it('shows the identity of a pod of the other cluster in a new connection, and that the sidecar expects it', async () => {
    const { peer, sidecar, proxies } = await facts();
    const identity = 'spiffe://cluster.local/ns/sample/sa/default';
    const { pod, ...seen } = peer.value!;
    assert.match(pod, /^helloworld-v2-/);
    assert.deepEqual(seen, { isReached: true, identity, isOfRoot: true });
    assert.deepEqual(sidecar.value?.transport, { peers: [identity] });
    assert.deepEqual(
      proxies.value?.map(({ name, stale }) => [name.replace(/-[^.]*/, ''), stale]),
      [
        ['helloworld.sample', []],
        ['sleep.sample', []],
      ],
    );
  });

  it('shows no identity where the pod of the other cluster has no sidecar', async () => {
    const vc2 = await pair.virtual('vc2');
    const injected = (label: string | null) =>
      merge(vc2, ref('v1', 'Namespace', 'sample'), { metadata: { labels: { 'istio-injection': label } } });
    const renew = async (hasSidecar: boolean) => {
      for (const { metadata } of await list<V1Pod>(vc2, 'v1', 'Pod', { namespace: 'sample' }))
        await remove(vc2, ref('v1', 'Pod', metadata.name, 'sample'));
      await waitFor('new pods', async () => {
        const pods = await list<V1Pod>(vc2, 'v1', 'Pod', { namespace: 'sample' });
        return (
          pods.every(({ spec }) => spec!.containers.length === (hasSidecar ? 2 : 1)) &&
          (await deploymentReady(vc2, 'sample', 'helloworld-v2')).holds
        );
      });
    };
    await injected(null);
    await renew(false);
    const { pod: _pod, ...seen } = (await facts()).peer.value!;
    assert.equal(seen.isReached, true);
    assert.equal(seen.identity, undefined);
    await injected('enabled');
    await renew(true);
  });

  it('answers a single curl, and one from a pod without a sidecar only from its own cluster', async () => {
    const cluster = await pair.virtual('vc1');
    const [sleep] = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'sample', labels: { app: 'sleep' } });
    const target = { namespace: 'sample', pod: sleep!.metadata!.name!, container: 'sleep' };
    const curl = (url: string) => execInPod(cluster, target, ['curl', '-sS', url], { withinMs: 5000, signal });
    assert.match(await curl('helloworld.sample:5000/hello'), /^Hello version: v[12], instance: helloworld-v[12]-/);
    await assert.rejects(curl('nobody.sample:5000/hello'), /Could not resolve host: nobody\.sample/);
    await apply(cluster, deployment('bare', { app: 'bare' }));
    await waitFor('the pod', async () => (await deploymentReady(cluster, 'default', 'bare')).holds);
    const [bare] = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'default', labels: { app: 'bare' } });
    const script = 'for i in $(seq 12); do curl -sS helloworld.sample:5000/hello; done';
    const output = await execInPod(
      cluster,
      { namespace: 'default', pod: bare!.metadata!.name!, container: 'main' },
      ['sh', '-c', script],
      { withinMs: 5000, signal },
    );
    assert.equal(output.match(/version: v1/g)?.length, 12);
  });

  it('does not reach the other cluster with another root, another address or an invalid token', async () => {
    const vc2 = await pair.virtual('vc2');
    await apply(vc2, cacerts(anotherRoot));
    const { versions, errors } = (await send()).sequential;
    assert.equal(versions.v2, undefined);
    assert.match(Object.keys(errors).join(), /TLS_error/);
    assert.equal((await facts()).peer.value?.isOfRoot, false);
    await apply(vc2, cacerts(oneRoot));

    await joinMesh('vc1', 'vc2', { server: 'https://vc2.demo-vc2.svc:443' });
    assert.deepEqual(await answered(), { v1: 24 });
    await joinMesh('vc1', 'vc2', { token: 'not.a.token' });
    assert.deepEqual(await answered(), { v1: 24 });
    await joinMesh('vc1', 'vc2');
    await pair.simulated.inject('remote-secret-wrong');
    assert.deepEqual(await answered(), { v1: 24 });
    await pair.simulated.inject(undefined);
  });

  async function joinMesh(of: VirtualClusterName, with_: VirtualClusterName, wrong: object = {}): Promise<void> {
    const remote = await pair.virtual(with_);
    const path = await pathOf(remote, ref('v1', 'ServiceAccount', 'istio-reader-service-account', 'istio-system'));
    const { status } = await request<{ status: { token: string } }>(remote, {
      method: 'POST',
      path: `${path}/token`,
      body: {},
    });
    const service = (await read<V1Service>(pair.host, ref('v1', 'Service', with_, places[with_].namespace)))!;
    const certificateAuthority = authorityOf(remote);
    const server = `https://${service.spec!.clusterIP}:443`;
    await apply(
      await pair.virtual(of),
      remoteSecret(with_, { server, certificateAuthority, token: status.token, ...wrong }),
    );
  }
});
