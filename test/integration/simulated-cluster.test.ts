import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type V1CertificateSigningRequest, type V1Pod, type V1Secret, type V1Service } from '@kubernetes/client-node';
import { execa } from 'execa';
import forge from 'node-forge';
import { parseAllDocuments, stringify } from 'yaml';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig } from '../../src/config.js';
import { UnreachableError } from '../../src/k8s/api-errors.js';
import { connectCluster, type Cluster } from '../../src/k8s/cluster.js';
import { virtualClusterNames, type VirtualClusterName, type VirtualClusterPlace } from '../../src/k8s/demo.js';
import { execInPod } from '../../src/k8s/exec.js';
import { ingressRouteTcp, passthroughIngress, tlsRoute, type ExposedService } from '../../src/k8s/exposure.js';
import { helloworldManifests, sendRequests } from '../../src/k8s/helloworld.js';
import {
  applyAll,
  apply,
  create,
  list,
  merge,
  pathOf,
  read,
  ref,
  remove,
  type Manifest,
} from '../../src/k8s/objects.js';
import { deploymentReady, podProblem } from '../../src/k8s/pods.js';
import { remoteSecret } from '../../src/k8s/remote-secrets.js';
import { openTunnel } from '../../src/k8s/tunnel.js';
import { certificateAuthority as authorityOf, VirtualClusterConnections } from '../../src/k8s/virtual-cluster.js';
import { certificateRequest, generateUserKey, type KeyPair } from '../../src/k8s/x509.js';
import { accessFromText } from '../support/access.js';
import { waitFor as wait } from '../support/wait-for.js';

/* What of the simulated cluster goes beyond one Kubernetes API; that is in test/contract. */

const signal = new AbortController().signal;
const bin = join(import.meta.dirname, '../../simulator/bin');
const kubectl = await execa('kubectl', ['version', '--client'], { reject: false });
const withoutKubectl = kubectl.exitCode === 0 ? false : 'there is no kubectl on the PATH';

const quick = { podStartMs: 40, virtualClusterStartMs: 40 };
const waitFor = <Answer>(awaited: string, ask: () => Promise<Answer | undefined | false>) =>
  wait(awaited, ask, { withinMs: 5000, everyMs: 20 });

function connectTo(kubeconfig: string, name = 'host'): Cluster {
  return connectCluster(name, accessFromText(kubeconfig), { signal });
}

/** Runs one of the stand-ins as the product does. */
async function run(tool: 'helm' | 'istioctl', kubeconfig: string, args: string[], input: object = {}): Promise<string> {
  const { stdout } = await execa(join(bin, tool), args, { env: { KUBECONFIG: kubeconfig }, input: stringify(input) });
  return stdout;
}

describe('a simulated cluster', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  let connections: VirtualClusterConnections;
  let directory: string;
  const places: Record<VirtualClusterName, VirtualClusterPlace> = {
    vc1: { name: 'vc1', namespace: 'demo-vc1' },
    vc2: { name: 'vc2', namespace: 'demo-vc2' },
  };
  const virtual = (name: VirtualClusterName) => connections.connect(places[name]);
  const publicName = (name: VirtualClusterName) => `${name}.vcdemo.test`;
  const install = (name: VirtualClusterName, values: object, version = '0.34.0') =>
    run(
      'helm',
      simulated.kubeconfigFile,
      [
        'upgrade',
        '--install',
        name,
        'vcluster',
        '--namespace',
        places[name].namespace,
        '--values',
        '-',
        '--version',
        version,
      ],
      values,
    );
  const route = (service: string, hostName: string): ExposedService => ({
    name: service,
    namespace: 'demo-vc1',
    labels: {},
    host: hostName,
    service,
    port: 443,
  });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'simulated-'));
    simulated = await startSimulatedCluster(quick);
    host = connectTo(simulated.kubeconfig);
    connections = new VirtualClusterConnections(host, { signal, inCluster: false });
    for (const { namespace } of Object.values(places))
      await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await Promise.all([
      install('vc1', { controlPlane: { proxy: { extraSANs: [publicName('vc1')] } } }),
      install('vc2', { syncer: { extraArgs: [`--tls-san=${publicName('vc2')}`] } }, '0.15.7'),
    ]);
    for (const name of virtualClusterNames)
      await waitFor(`the API of ${name}`, async () => {
        const cluster = await virtual(name).catch(() => undefined);
        return (
          cluster && (await read(cluster, ref('v1', 'ServiceAccount', 'default', 'default')).catch(() => undefined))
        );
      });
  });
  after(async () => {
    await connections.close();
    host.close();
    await simulated.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('says in its node and version what it is', async () => {
    const { gitVersion } = await host.request<{ gitVersion: string }>({ method: 'GET', path: '/version' });
    assert.match(gitVersion, /\+simulated$/);
    assert.ok(await read(host, ref('v1', 'Node', 'simulated-cluster')));
  });

  describe('helm', () => {
    it('makes the objects of both generations of the chart, and a release', async () => {
      for (const [name, containers] of [
        ['vc1', ['syncer']],
        ['vc2', ['vcluster', 'syncer']],
      ] as const) {
        const { namespace } = places[name];
        const pod = await read<V1Pod>(host, ref('v1', 'Pod', `${name}-0`, namespace));
        assert.deepEqual(
          pod!.spec!.containers.map((container) => container.name),
          containers,
        );
        const [release] = await list<V1Secret>(host, 'v1', 'Secret', { namespace, labels: { owner: 'helm', name } });
        assert.deepEqual(
          [release!.metadata!.name, release!.metadata!.labels!.status],
          [`sh.helm.release.v1.${name}.v1`, 'deployed'],
        );
        const { data } = (await read<V1Secret>(host, ref('v1', 'Secret', `vc-${name}`, namespace)))!;
        assert.deepEqual(Object.keys(data!), ['config', 'certificate-authority', 'client-certificate', 'client-key']);
      }
    });

    it('counts revisions, and refuses to work on one that is pending', async () => {
      await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'revisions' } });
      const upgrade = () =>
        run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'vcluster', '-n', 'revisions']);
      await upgrade();
      await upgrade();
      const releases = await list<V1Secret>(host, 'v1', 'Secret', {
        namespace: 'revisions',
        labels: { owner: 'helm' },
      });
      assert.deepEqual(
        releases.map(({ metadata }) => metadata!.labels!.status),
        ['superseded', 'deployed'],
      );
      const pending = ref('v1', 'Secret', releases[1]!.metadata!.name!, 'revisions');
      await merge(host, pending, { metadata: { labels: { status: 'pending-upgrade' } } });
      await assert.rejects(
        upgrade(),
        /UPGRADE FAILED: another operation \(install\/upgrade\/rollback\) is in progress/,
      );
      await run('helm', simulated.kubeconfigFile, ['uninstall', 'x', '-n', 'revisions']);
      await waitFor(
        'everything to go',
        async () => (await list(host, 'v1', 'Pod', { namespace: 'revisions' })).length === 0,
      );
      await assert.rejects(
        run('helm', simulated.kubeconfigFile, ['uninstall', 'x', '-n', 'revisions']),
        /release: not found/,
      );
    });

    it('says why it cannot work', async () => {
      await assert.rejects(run('helm', '/none', ['uninstall', 'x']), /Kubernetes cluster unreachable/);
      await assert.rejects(
        run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'vcluster', '--atomicly']),
        /unknown flag: --atomicly/,
      );
      await assert.rejects(
        run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'nginx']),
        /has the chart "vcluster" only/,
      );
      await assert.rejects(
        run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'x', './none.tgz']),
        /path "\.\/none\.tgz" not found/,
      );
    });
  });

  describe('a virtual cluster', () => {
    it('is an API of its own', async () => {
      const [vc1, vc2] = [await virtual('vc1'), await virtual('vc2')];
      await create(vc1, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'only-in-vc1' } });
      assert.equal(await read(vc2, ref('v1', 'Namespace', 'only-in-vc1')), undefined);
      assert.equal(await read(host, ref('v1', 'Namespace', 'only-in-vc1')), undefined);
      assert.notEqual(authorityOf(vc1), authorityOf(vc2));
    });

    it('has a certificate for its public name, its Service and the address of that', async () => {
      for (const name of virtualClusterNames) {
        const service = (await read<V1Service>(host, ref('v1', 'Service', name, places[name].namespace)))!;
        const tunnel = await openTunnel(host, places[name].namespace, async () => `${name}-0`, 8443);
        const certificate = new X509Certificate((await getInsecurely(tunnel.port)).certificate);
        tunnel.close();
        for (const dns of ['localhost', `${name}.${places[name].namespace}`, publicName(name)])
          assert.ok(certificate.checkHost(dns), `${dns} in ${certificate.subjectAltName}`);
        assert.ok(certificate.checkIP(service.spec!.clusterIP!));
      }
    });

    it('signs requests with keys of all kinds, and none that is not signed by its key', async () => {
      const cluster = await virtual('vc1');
      const person = await generateUserKey();
      const keys: KeyPair[] = [person, generateKeyPairSync('ec', { namedCurve: 'P-384' })];
      const requests = keys.map((key) =>
        certificateRequest(key, [
          ['CN', 'u'],
          ['O', 'admin'],
        ]),
      );
      for (const request of [...requests, rsaRequest()]) {
        const certificate = new X509Certificate(await sign(cluster, request));
        assert.match(certificate.subject, /CN=u\b/);
      }
      const forged = certificateRequest({ ...keys[1]!, privateKey: person.privateKey }, [['CN', 'u']]);
      await assert.rejects(sign(cluster, forged), /unsupported|does not match its key/);
    });

    it('has its pods and Services in the namespace of the host, as vcluster names them', async () => {
      const cluster = await virtual('vc1');
      const app = { app: 'synced' };
      const service: Manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'synced', namespace: 'default' },
        spec: { ports: [{ port: 80 }], selector: app },
      };
      await applyAll(cluster, [service, deployment('synced', app)]);
      await waitFor('the pods', async () => (await deploymentReady(cluster, 'default', 'synced')).holds);
      const inside = (await read<V1Service>(cluster, ref('v1', 'Service', 'synced', 'default')))!;
      const outside = (await read<V1Service>(host, ref('v1', 'Service', 'synced-x-default-x-vc1', 'demo-vc1')))!;
      assert.equal(outside.spec!.clusterIP, inside.spec!.clusterIP);
      assert.equal(outside.metadata!.labels!['vcluster.loft.sh/managed-by'], 'vc1');
      assert.equal(outside.metadata!.annotations!['vcluster.loft.sh/object-name'], 'synced');
      const [pod] = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'default', labels: app });
      const synced = await read<V1Pod>(host, ref('v1', 'Pod', `${pod!.metadata!.name}-x-default-x-vc1`, 'demo-vc1'));
      assert.equal(synced!.status!.podIP, pod!.status!.podIP);
      await remove(cluster, deployment('synced', app));
      await waitFor(
        'the pods to go',
        async () =>
          (
            await list(host, 'v1', 'Pod', {
              namespace: 'demo-vc1',
              fields: { 'metadata.name': synced!.metadata!.name! },
            })
          ).length === 0,
      );
    });

    it('keeps its objects when its pod is started anew', async () => {
      const pod = ref('v1', 'Pod', 'vc2-0', 'demo-vc2');
      await create(await virtual('vc2'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kept' } });
      const before = await read<V1Pod>(host, pod);
      await remove(host, pod);
      await waitFor('another pod', async () => {
        const found = await read<V1Pod>(host, pod);
        return found && found.metadata!.uid !== before!.metadata!.uid && podProblem(found) === undefined;
      });
      await waitFor('its API', () =>
        virtual('vc2')
          .then((cluster) => read(cluster, ref('v1', 'Namespace', 'kept')))
          .catch(() => undefined),
      );
    });
  });

  describe('the edge', () => {
    const certificateAt = async (name: string) => (await getInsecurely(simulated.edge.port, name)).certificate;

    it('leads each public name to its virtual cluster, by every kind of route, and TLS passes through', async () => {
      const ca = new X509Certificate((await virtual('vc1')).access.server.certificateAuthority!);
      const routes = [
        ingressRouteTcp('traefik.io', 'websecure', route('vc1', 'a.test')),
        passthroughIngress('nginx', route('vc1', 'b.test')),
        tlsRoute({ name: 'edge', namespace: 'edge' }, route('vc1', 'c.test')),
      ];
      await applyAll(host, routes);
      for (const name of ['a.test', 'b.test', 'c.test'])
        assert.ok(new X509Certificate(await certificateAt(name)).verify(ca.publicKey), name);
      await assert.rejects(certificateAt('unknown.test'), /ECONNRESET|socket/);
      await Promise.all(routes.map((manifest) => remove(host, manifest)));
      await assert.rejects(certificateAt('a.test'));
    });

    it('serves the Dashboard of a virtual cluster', async () => {
      const labels = { 'k8s-app': 'kubernetes-dashboard' };
      const cluster = await virtual('vc1');
      const service: Manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'dash', namespace: 'default' },
        spec: { ports: [{ port: 443, targetPort: 8443 }], selector: labels },
      };
      await applyAll(cluster, [service, deployment('dash', labels)]);
      await waitFor('the pod', async () => (await deploymentReady(cluster, 'default', 'dash')).holds);
      await apply(host, ingressRouteTcp('traefik.io', 'websecure', route('dash-x-default-x-vc1', 'dash.test')));
      assert.match(
        (await getInsecurely(simulated.edge.port, 'dash.test')).body,
        /Kubernetes Dashboard.*simulated cluster/,
      );
    });
  });

  describe('kubectl', { skip: withoutKubectl }, () => {
    const use = async (kubeconfig: string, args: string[], input?: string) =>
      (await execa('kubectl', ['--kubeconfig', kubeconfig, ...args], { ...(input !== undefined && { input }) })).stdout;
    const onHost = (args: string, input?: string) => use(simulated.kubeconfigFile, args.split(' '), input);

    it('applies, shows, waits and deletes', async () => {
      const manifest = (image: string) => JSON.stringify(deployment('web', { app: 'web' }, image));
      assert.equal(await onHost('apply -f -', manifest('one')), 'deployment.apps/web created');
      assert.equal(await onHost('apply -f -', manifest('one')), 'deployment.apps/web unchanged');
      assert.equal(await onHost('apply -f -', manifest('two')), 'deployment.apps/web configured');
      assert.equal(await onHost('get deploy web -o jsonpath={.spec.template.spec.containers[*].image}'), 'two');
      await onHost('wait --for=condition=Available --timeout=5s deploy/web');
      assert.match(await onHost('get pods -l app=web'), /NAME +READY +STATUS +AGE\nweb-\w+-\w+ +1\/1 +Running/);
      assert.equal(
        await onHost('apply --server-side --force-conflicts -f -', manifest('three')),
        'deployment.apps/web serverside-applied',
      );
      assert.match(await onHost('delete deploy web --timeout=5s'), /"web" deleted/);
      assert.match(await onHost('get namespaces'), /demo-vc1 +Active/);
    });

    it('runs commands in pods', async () => {
      assert.equal(await onHost('exec -n demo-vc1 vc1-0 -- echo hello'), 'hello');
      const failing = [...'exec -n demo-vc1 vc1-0 -- sh -c'.split(' '), 'exit 3'];
      await assert.rejects(use(simulated.kubeconfigFile, failing), { exitCode: 3 });
    });

    it("reaches a virtual cluster through the edge, with a person's own certificate", async () => {
      const cluster = await virtual('vc1');
      await apply(host, ingressRouteTcp('traefik.io', 'websecure', route('vc1', publicName('vc1'))));
      const key = await generateUserKey();
      const certificate = await sign(cluster, certificateRequest(key, [['CN', 'u-kubectl']]));
      const file = join(directory, 'person');
      await writeFile(file, kubeconfigThroughEdge(cluster, simulated.edge.port, publicName('vc1'), certificate, key));
      await assert.rejects(use(file, ['get', 'namespaces']), /User "u-kubectl" cannot list resource "namespaces"/);
      await apply(cluster, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'u-kubectl' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'User', name: 'u-kubectl', apiGroup: 'rbac.authorization.k8s.io' }],
      });
      assert.match(await use(file, ['get', 'namespaces', '-o', 'name']), /namespace\/kube-system/);
    });
  });

  describe('the mesh', () => {
    const answered = async () => (await sendRequests(await virtual('vc1'), 24, signal)).versions;
    const cacerts = (root: string): Manifest => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cacerts', namespace: 'istio-system' },
      stringData: { 'root-cert.pem': root },
    });

    before(async () => {
      for (const name of virtualClusterNames) {
        const cluster = await virtual(name);
        await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } });
        await apply(cluster, cacerts('one root'));
        const operator = {
          kind: 'IstioOperator',
          spec: { values: { global: { multiCluster: { clusterName: name } } } },
        };
        const rendered = await run('istioctl', '', ['manifest', 'generate', '-f', '-'], operator);
        await applyAll(
          cluster,
          parseAllDocuments(rendered).map((document) => document.toJS() as Manifest),
        );
      }
    });

    it('starts no pods that want a sidecar before istiod can give them one', async () => {
      for (const name of virtualClusterNames) {
        const cluster = await virtual(name);
        const [namespace, ...rest] = helloworldManifests(name, readDemoConfig(undefined).images);
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

    it('answers from the own cluster alone while the other is not known', async () => {
      assert.deepEqual(await answered(), { v1: 24 });
    });

    it('answers from both when each istiod reaches the other API', async () => {
      await joinMesh('vc1', 'vc2');
      const versions = await answered();
      assert.deepEqual(Object.keys(versions).toSorted(), ['v1', 'v2']);
      assert.equal(versions.v1! + versions.v2!, 24);
    });

    it('answers a curl by hand, and one from a pod without a sidecar from its own cluster', async () => {
      const cluster = await virtual('vc1');
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

    it('does not reach the other cluster with another root, another address or a token that is none', async () => {
      const vc2 = await virtual('vc2');
      await apply(vc2, cacerts('another root'));
      const { versions, errors } = await sendRequests(await virtual('vc1'), 24, signal);
      assert.equal(versions.v2, undefined);
      assert.match(Object.keys(errors).join(), /TLS_error/);
      await apply(vc2, cacerts('one root'));

      await joinMesh('vc1', 'vc2', { server: 'https://vc2.demo-vc2.svc:443' });
      assert.deepEqual(await answered(), { v1: 24 });
      await joinMesh('vc1', 'vc2', { token: 'not.a.token' });
      assert.deepEqual(await answered(), { v1: 24 });
      await joinMesh('vc1', 'vc2');
      await simulated.inject('remote-secret-wrong');
      assert.deepEqual(await answered(), { v1: 24 });
      await simulated.inject(undefined);
    });

    async function joinMesh(of: VirtualClusterName, with_: VirtualClusterName, wrong: object = {}): Promise<void> {
      const remote = await virtual(with_);
      const path = await pathOf(remote, ref('v1', 'ServiceAccount', 'istio-reader-service-account', 'istio-system'));
      const { status } = await remote.request<{ status: { token: string } }>({
        method: 'POST',
        path: `${path}/token`,
        body: {},
      });
      const service = (await read<V1Service>(host, ref('v1', 'Service', with_, places[with_].namespace)))!;
      const certificateAuthority = authorityOf(remote);
      const server = `https://${service.spec!.clusterIP}:443`;
      await apply(
        await virtual(of),
        remoteSecret(with_, { server, certificateAuthority, token: status.token, ...wrong }),
      );
    }
  });

  it('ends a virtual cluster with its release, and leaves nothing in the namespace', async () => {
    await run('helm', simulated.kubeconfigFile, ['uninstall', 'vc1', '--namespace', 'demo-vc1']);
    await waitFor(
      'the pods to go',
      async () => (await list(host, 'v1', 'Pod', { namespace: 'demo-vc1' })).length === 0,
    );
    for (const kind of ['Service', 'StatefulSet'])
      assert.deepEqual(
        await list(host, kind === 'Service' ? 'v1' : 'apps/v1', kind, { namespace: 'demo-vc1' }),
        [],
        kind,
      );
    await remove(host, ref('v1', 'Namespace', 'demo-vc2'));
    await waitFor(
      'the namespace to go',
      async () => (await read(host, ref('v1', 'Namespace', 'demo-vc2'))) === undefined,
    );
  });
});

describe('the faults of a simulated cluster', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  const place: VirtualClusterPlace = { name: 'vc1', namespace: 'faulty' };

  before(async () => {
    simulated = await startSimulatedCluster({ ...quick, fault: 'pods-pending' });
    host = connectTo(simulated.kubeconfig);
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'faulty' } });
    await run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'vc1', 'vcluster', '-n', 'faulty', '-f', '-'], {
      controlPlane: { proxy: { extraSANs: ['faulty.test'] } },
    });
  });
  after(async () => {
    host.close();
    await simulated.close();
  });

  it('pods-pending: the pod of the virtual cluster cannot be scheduled, until the fault is gone', async () => {
    const pod = await waitFor('the scheduler', async () => {
      const found = await read<V1Pod>(host, ref('v1', 'Pod', 'vc1-0', 'faulty'));
      return found?.status?.conditions?.length ? found : undefined;
    });
    assert.equal(podProblem(pod), 'pod vc1-0 cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.');
    await simulated.inject(undefined);
    await waitFor(
      'the pod',
      async () => podProblem((await read<V1Pod>(host, ref('v1', 'Pod', 'vc1-0', 'faulty')))!) === undefined,
    );
  });

  it('tls-terminated: the edge has a certificate of its own and loses the client certificate', async () => {
    await apply(
      host,
      ingressRouteTcp('traefik.io', 'websecure', {
        name: 'vc1',
        namespace: 'faulty',
        labels: {},
        host: 'faulty.test',
        service: 'vc1',
        port: 443,
      }),
    );
    const connections = new VirtualClusterConnections(host, { signal, inCluster: false });
    const ca = new X509Certificate((await connections.connect(place)).access.server.certificateAuthority!);
    await connections.close();
    await simulated.inject('tls-terminated');
    const { certificate, body, status } = await getInsecurely(simulated.edge.port, 'faulty.test', '/api/v1/namespaces');
    assert.ok(!new X509Certificate(certificate).verify(ca.publicKey));
    assert.equal(status, 403);
    assert.match(body, /system:anonymous/);
  });

  it('slow: every call takes 300 ms longer', async () => {
    await simulated.inject('slow');
    const start = performance.now();
    await list(host, 'v1', 'Namespace');
    assert.ok(performance.now() - start > 290);
  });

  it('forbidden: some calls are refused, and the review says so', async () => {
    await simulated.inject('forbidden');
    const ask = async (verb: string, group: string, resource: string) => {
      const spec = { resourceAttributes: { verb, group, resource } };
      const review = await create<Manifest & { status: { allowed: boolean } }>(host, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec,
      });
      return review.status.allowed;
    };
    assert.deepEqual(
      [await ask('*', '*', '*'), await ask('create', 'apps', 'statefulsets'), await ask('list', '', 'pods')],
      [false, false, true],
    );
    await assert.rejects(
      run('helm', simulated.kubeconfigFile, ['upgrade', '-i', 'vc2', 'vcluster', '-n', 'faulty']),
      /rolebindings\.rbac\.authorization\.k8s\.io is forbidden: User "kubernetes-admin" cannot create/,
    );
  });

  it('api-down: the API refuses connections, until it is up again at the same address', async () => {
    await simulated.inject('api-down');
    await assert.rejects(list(host, 'v1', 'Namespace'), UnreachableError); // ends the connections that were kept
    await assert.rejects(list(host, 'v1', 'Namespace'), /ECONNREFUSED/);
    await simulated.inject(undefined);
    assert.ok((await list(host, 'v1', 'Namespace')).length > 0);
  });
});

// ------------------------------------------------------------------ helpers

function deployment(name: string, labels: Record<string, string>, image = 'any'): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
}

function rsaRequest(): string {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const request = forge.pki.createCertificationRequest();
  request.publicKey = forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  request.setSubject([{ name: 'commonName', value: 'u' }]);
  const key = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  request.sign(key, forge.md.sha256.create());
  return forge.pki.certificationRequestToPem(request);
}

/** Has a request approved and answers with the certificate, PEM. */
async function sign(cluster: Cluster, request: string): Promise<string> {
  const { metadata } = await create(cluster, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'test-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  });
  const csr = ref('certificates.k8s.io/v1', 'CertificateSigningRequest', metadata!.name!);
  await cluster.request({
    method: 'PATCH',
    path: `${await pathOf(cluster, csr)}/approval`,
    contentType: 'application/merge-patch+json',
    body: { status: { conditions: [{ type: 'Approved', status: 'True' }] } },
  });
  const encoded = await waitFor('the certificate', async () => {
    const { status } = (await read<V1CertificateSigningRequest>(cluster, csr))!;
    const failed = status?.conditions?.find(({ type }) => type === 'Failed');
    if (failed) throw new Error(failed.message);
    return status?.certificate;
  });
  return Buffer.from(encoded, 'base64').toString('utf8');
}

function kubeconfigThroughEdge(
  cluster: Cluster,
  port: number,
  name: string,
  certificate: string,
  key: KeyPair,
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [
      {
        name: 'x',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'tls-server-name': name,
          'certificate-authority-data': authorityOf(cluster),
        },
      },
    ],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    users: [
      {
        name: 'x',
        user: {
          'client-certificate-data': base64(certificate),
          'client-key-data': base64(key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
        },
      },
    ],
  });
}

/** What answers at a port of this machine, whatever its certificate. */
function getInsecurely(
  port: number,
  servername = 'localhost',
  path = '/',
): Promise<{ certificate: Buffer; body: string; status: number }> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      { host: '127.0.0.1', port, servername, path, rejectUnauthorized: false, agent: false },
      (response) => {
        const certificate = (response.socket as import('node:tls').TLSSocket).getPeerCertificate().raw;
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ certificate, body, status: response.statusCode ?? 0 }));
      },
    );
    request.on('error', reject);
  });
}
