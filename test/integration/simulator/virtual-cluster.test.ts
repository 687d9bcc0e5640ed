import assert from 'node:assert/strict';
import forge from 'node-forge';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { type V1Pod, type V1Service } from '@kubernetes/client-node';
import { virtualClusterNames } from '../../../src/k8s/demo/demo.js';
import { ingressRouteTcp, passthroughIngress, tlsRoute } from '../../../src/k8s/virtual-cluster/exposure.js';
import { applyAll, apply, create, read, remove } from '../../../src/k8s/client/objects.js';
import { list } from '../../../src/k8s/client/lists.js';
import { ref, type Manifest } from '../../../src/k8s/client/manifest.js';
import { deploymentReady, podProblem } from '../../../src/k8s/workloads/pods.js';
import { openTunnel } from '../../../src/k8s/client/tunnel.js';
import { certificateAuthority as authorityOf } from '../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { certificateRequest, generateUserKey, type KeyPair } from '../../../src/k8s/credentials/x509.js';
import {
  deployment,
  describePair,
  getInsecurely,
  routeTo,
  runTool,
  sign,
  waitFor,
  places,
  publicName,
} from '../../support/simulated-pair.js';
import { request } from '../../support/answers.js';

describePair('the virtual clusters', (pair) => {
  it('says in its node and version that it is simulated', async () => {
    const { gitVersion } = await request<{ gitVersion: string }>(pair.host, { method: 'GET', path: '/version' });
    assert.match(gitVersion, /\+simulated$/);
    assert.ok(await read(pair.host, ref('v1', 'Node', 'simulated-cluster')));
  });

  it('serves its own API, whose objects nobody else has', async () => {
    const [vc1, vc2] = [await pair.virtual('vc1'), await pair.virtual('vc2')];
    await create(vc1, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'only-in-vc1' } });
    assert.equal(await read(vc2, ref('v1', 'Namespace', 'only-in-vc1')), undefined);
    assert.equal(await read(pair.host, ref('v1', 'Namespace', 'only-in-vc1')), undefined);
    assert.notEqual(authorityOf(vc1), authorityOf(vc2));
  });

  it('has a certificate for its public name, its Service and the Service’s ClusterIP', async () => {
    for (const name of virtualClusterNames) {
      const service = (await read<V1Service>(pair.host, ref('v1', 'Service', name, places[name].namespace)))!;
      const tunnel = await openTunnel(pair.host, places[name].namespace, async () => `${name}-0`, 8443);
      const certificate = new X509Certificate((await getInsecurely(tunnel.port)).certificate);
      tunnel.close();
      for (const dns of ['localhost', `${name}.${places[name].namespace}`, publicName(name)])
        assert.ok(certificate.checkHost(dns), `${dns} in ${certificate.subjectAltName}`);
      assert.ok(certificate.checkIP(service.spec!.clusterIP!));
    }
  });

  it('signs certificate requests with all types of keys, but only if they are signed with their own key', async () => {
    const cluster = await pair.virtual('vc1');
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

  it('copies its pods and Services into the host namespace, with vcluster’s names', async () => {
    const cluster = await pair.virtual('vc1');
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
    const outside = (await read<V1Service>(pair.host, ref('v1', 'Service', 'synced-x-default-x-vc1', 'demo-vc1')))!;
    assert.equal(outside.spec!.clusterIP, inside.spec!.clusterIP);
    assert.equal(outside.metadata!.labels!['vcluster.loft.sh/managed-by'], 'vc1');
    assert.equal(outside.metadata!.annotations!['vcluster.loft.sh/object-name'], 'synced');
    const [pod] = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace: 'default', labels: app });
    const synced = await read<V1Pod>(pair.host, ref('v1', 'Pod', `${pod!.metadata!.name}-x-default-x-vc1`, 'demo-vc1'));
    assert.equal(synced!.status!.podIP, pod!.status!.podIP);
    await remove(cluster, deployment('synced', app));
    await waitFor(
      'the pods to go',
      async () =>
        (
          await list(pair.host, 'v1', 'Pod', {
            namespace: 'demo-vc1',
            fields: { 'metadata.name': synced!.metadata!.name! },
          })
        ).length === 0,
    );
  });

  it('keeps its objects when its pod is replaced', async () => {
    const pod = ref('v1', 'Pod', 'vc2-0', 'demo-vc2');
    await create(await pair.virtual('vc2'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kept' } });
    const before = await read<V1Pod>(pair.host, pod);
    await remove(pair.host, pod);
    await waitFor('another pod', async () => {
      const found = await read<V1Pod>(pair.host, pod);
      return found && found.metadata!.uid !== before!.metadata!.uid && podProblem(found) === undefined;
    });
    await waitFor('its API', () =>
      pair
        .virtual('vc2')
        .then((cluster) => read(cluster, ref('v1', 'Namespace', 'kept')))
        .catch(() => undefined),
    );
  });

  describe('the edge', () => {
    const certificateAt = async (name: string) => (await getInsecurely(pair.simulated.edge.port, name)).certificate;

    it('routes each public name to its virtual cluster, by every kind of route, with TLS passed through', async () => {
      const ca = new X509Certificate((await pair.virtual('vc1')).access.server.certificateAuthority!);
      const routes = [
        ingressRouteTcp('traefik.io', 'websecure', routeTo('vc1', 'a.test')),
        passthroughIngress('nginx', routeTo('vc1', 'b.test')),
        tlsRoute({ name: 'edge', namespace: 'edge' }, routeTo('vc1', 'c.test')),
      ];
      await applyAll(pair.host, routes);
      for (const name of ['a.test', 'b.test', 'c.test'])
        assert.ok(new X509Certificate(await certificateAt(name)).verify(ca.publicKey), name);
      await assert.rejects(certificateAt('unknown.test'), /ECONNRESET|socket/);
      await Promise.all(routes.map((manifest) => remove(pair.host, manifest)));
      await assert.rejects(certificateAt('a.test'));
    });

    it('serves the Dashboard of a virtual cluster', async () => {
      const labels = { 'k8s-app': 'kubernetes-dashboard' };
      const cluster = await pair.virtual('vc1');
      const service: Manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'dash', namespace: 'default' },
        spec: { ports: [{ port: 443, targetPort: 8443 }], selector: labels },
      };
      await applyAll(cluster, [service, deployment('dash', labels)]);
      await waitFor('the pod', async () => (await deploymentReady(cluster, 'default', 'dash')).holds);
      await apply(pair.host, ingressRouteTcp('traefik.io', 'websecure', routeTo('dash-x-default-x-vc1', 'dash.test')));
      assert.match(
        (await getInsecurely(pair.simulated.edge.port, 'dash.test')).body,
        /Kubernetes Dashboard.*simulated cluster/,
      );
    });
  });

  it('deletes a virtual cluster with its release, and leaves nothing in the namespace', async () => {
    await runTool('helm', pair.simulated.kubeconfigFile, ['uninstall', 'vc1', '--namespace', 'demo-vc1']);
    await waitFor(
      'the pods to go',
      async () => (await list(pair.host, 'v1', 'Pod', { namespace: 'demo-vc1' })).length === 0,
    );
    for (const kind of ['Service', 'StatefulSet'])
      assert.deepEqual(
        await list(pair.host, kind === 'Service' ? 'v1' : 'apps/v1', kind, { namespace: 'demo-vc1' }),
        [],
        kind,
      );
    await remove(pair.host, ref('v1', 'Namespace', 'demo-vc2'));
    await waitFor(
      'the namespace to go',
      async () => (await read(pair.host, ref('v1', 'Namespace', 'demo-vc2'))) === undefined,
    );
  });
});

function rsaRequest(): string {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const request = forge.pki.createCertificationRequest();
  request.publicKey = forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  request.setSubject([{ name: 'commonName', value: 'u' }]);
  const key = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  request.sign(key, forge.md.sha256.create());
  return forge.pki.certificationRequestToPem(request);
}
