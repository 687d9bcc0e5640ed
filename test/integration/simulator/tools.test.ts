import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type V1Pod, type V1Secret } from '@kubernetes/client-node';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { type Cluster } from '../../../src/k8s/client/cluster.js';
import { ingressRouteTcp } from '../../../src/k8s/virtual-cluster/exposure.js';
import { apply, create, merge, read } from '../../../src/k8s/client/objects.js';
import { list } from '../../../src/k8s/client/lists.js';
import { ref } from '../../../src/k8s/client/manifest.js';
import { certificateAuthority as authorityOf } from '../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { certificateRequest, generateUserKey, type KeyPair } from '../../../src/k8s/credentials/x509.js';
import {
  deployment,
  describePair,
  routeTo,
  runTool,
  sign,
  waitFor,
  places,
  publicName,
} from '../../support/simulated-pair.js';

const kubectl = await execa('kubectl', ['version', '--client'], { reject: false });
const withoutKubectl = kubectl.exitCode === 0 ? false : 'there is no kubectl on the PATH';

describePair('the tools', (pair) => {
  describe('helm', () => {
    it('creates the objects of both formats of the chart, and a release', async () => {
      for (const [name, containers] of [
        ['vc1', ['syncer']],
        ['vc2', ['vcluster', 'syncer']],
      ] as const) {
        const { namespace } = places[name];
        const pod = await read<V1Pod>(pair.host, ref('v1', 'Pod', `${name}-0`, namespace));
        assert.deepEqual(
          pod!.spec!.containers.map((container) => container.name),
          containers,
        );
        const [release] = await list<V1Secret>(pair.host, 'v1', 'Secret', {
          namespace,
          labels: { owner: 'helm', name },
        });
        assert.deepEqual(
          [release!.metadata!.name, release!.metadata!.labels!.status],
          [`sh.helm.release.v1.${name}.v1`, 'deployed'],
        );
        const { data } = (await read<V1Secret>(pair.host, ref('v1', 'Secret', `vc-${name}`, namespace)))!;
        assert.deepEqual(Object.keys(data!), ['config', 'certificate-authority', 'client-certificate', 'client-key']);
      }
    });

    it('counts revisions, and refuses to upgrade a release that is pending', async () => {
      await create(pair.host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'revisions' } });
      const upgrade = () =>
        runTool('helm', pair.simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'vcluster', '-n', 'revisions']);
      await upgrade();
      await upgrade();
      const releases = await list<V1Secret>(pair.host, 'v1', 'Secret', {
        namespace: 'revisions',
        labels: { owner: 'helm' },
      });
      assert.deepEqual(
        releases.map(({ metadata }) => metadata!.labels!.status),
        ['superseded', 'deployed'],
      );
      const pending = ref('v1', 'Secret', releases[1]!.metadata!.name!, 'revisions');
      await merge(pair.host, pending, { metadata: { labels: { status: 'pending-upgrade' } } });
      await assert.rejects(
        upgrade(),
        /UPGRADE FAILED: another operation \(install\/upgrade\/rollback\) is in progress/,
      );
      await runTool('helm', pair.simulated.kubeconfigFile, ['uninstall', 'x', '-n', 'revisions']);
      await waitFor(
        'everything to go',
        async () => (await list(pair.host, 'v1', 'Pod', { namespace: 'revisions' })).length === 0,
      );
      await assert.rejects(
        runTool('helm', pair.simulated.kubeconfigFile, ['uninstall', 'x', '-n', 'revisions']),
        /release: not found/,
      );
    });

    it('fails with helm’s messages for an unreachable cluster, an unknown flag and an unknown chart', async () => {
      await assert.rejects(runTool('helm', '/none', ['uninstall', 'x']), /Kubernetes cluster unreachable/);
      await assert.rejects(
        runTool('helm', pair.simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'vcluster', '--atomicly']),
        /unknown flag: --atomicly/,
      );
      await assert.rejects(
        runTool('helm', pair.simulated.kubeconfigFile, ['upgrade', '-i', 'x', 'nginx']),
        /has only the chart "vcluster"/,
      );
      await assert.rejects(
        runTool('helm', pair.simulated.kubeconfigFile, ['upgrade', '-i', 'x', './none.tgz']),
        /path "\.\/none\.tgz" not found/,
      );
    });
  });

  describe('kubectl', { skip: withoutKubectl }, () => {
    const use = async (kubeconfig: string, args: string[], input?: string) =>
      (await execa('kubectl', ['--kubeconfig', kubeconfig, ...args], { ...(input !== undefined && { input }) })).stdout;
    const onHost = (args: string, input?: string) => use(pair.simulated.kubeconfigFile, args.split(' '), input);

    it('applies, shows, awaits and deletes a Deployment', async () => {
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

    it('runs a command in a pod and passes its exit code on', async () => {
      assert.equal(await onHost('exec -n demo-vc1 vc1-0 -- echo hello'), 'hello');
      const failing = [...'exec -n demo-vc1 vc1-0 -- sh -c'.split(' '), 'exit 3'];
      await assert.rejects(use(pair.simulated.kubeconfigFile, failing), { exitCode: 3 });
    });

    it("reaches a virtual cluster through the edge, with a person's own certificate", async (test) => {
      const directory = await mkdtemp(join(tmpdir(), 'simulated-'));
      test.after(() => rm(directory, { recursive: true }));
      const cluster = await pair.virtual('vc1');
      await apply(pair.host, ingressRouteTcp('traefik.io', 'websecure', routeTo('vc1', publicName('vc1'))));
      const key = await generateUserKey();
      const certificate = await sign(cluster, certificateRequest(key, [['CN', 'u-kubectl']]));
      const file = join(directory, 'person');
      await writeFile(
        file,
        kubeconfigThroughEdge(cluster, pair.simulated.edge.port, publicName('vc1'), certificate, key),
      );
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
});

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
