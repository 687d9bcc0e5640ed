import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Deployment } from '@kubernetes/client-node';
import { createAuthority } from '../../../../simulator/certificates.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { ref, type Manifest } from '../../../../src/k8s/client/manifest.js';
import { apply, read } from '../../../../src/k8s/client/objects.js';
import { awaitingAuthority } from '../../../../src/k8s/mesh/istio.js';
import { readMeshRoots, untilRootIsUsed, usesInstalledRoot } from '../../../../src/k8s/mesh/root-used.js';
import { copiedNotes } from '../../../../src/k8s/client/objects.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';

const [installed, own] = [createAuthority('root'), createAuthority('self-signed by istiod')];
const istioSystem = 'istio-system';
const deployments = { [istioSystem]: ['istio-ingressgateway'], sample: ['helloworld-v2', 'sleep'] };

const deployment = (namespace: string, name: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'image' }] } },
  },
});

describe('an istiod that works with a root CA of its own', () => {
  let cluster: Cluster;
  withSimulatedCluster((connected) => (cluster = connected));

  const publish = (...certificates: string[]) =>
    apply(cluster, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio-ca-root-cert', namespace: istioSystem },
      data: { 'root-cert.pem': certificates.join('') },
    });

  const restartedFor = async (namespace: string, name: string) =>
    (await read<V1Deployment>(cluster, ref('apps/v1', 'Deployment', name, namespace)))?.spec?.template.metadata
      ?.annotations?.[copiedNotes.restartedFor];
  const restarted = () =>
    Promise.all([
      restartedFor(istioSystem, 'istiod'),
      ...Object.entries(deployments).flatMap(([namespace, names]) =>
        names.map((name) => restartedFor(namespace, name)),
      ),
    ]);

  const { signal } = new AbortController();
  const mend = (job: string, deadlineFactor = 1) =>
    untilRootIsUsed(cluster, 'vc2', () => Promise.resolve(deployments), { restartFor: job, deadlineFactor, signal });

  test('is restarted, and then what has its certificates, once for a job', async () => {
    for (const name of [istioSystem, 'sample'])
      await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const { certificate } = installed;
    await apply(cluster, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cacerts', namespace: istioSystem },
      stringData: { 'root-cert.pem': certificate, 'ca-cert.pem': certificate },
    });
    await apply(cluster, deployment(istioSystem, 'istiod'));
    for (const [namespace, names] of Object.entries(deployments))
      for (const name of names) await apply(cluster, deployment(namespace, name));

    await publish(own.certificate);
    assert.equal(usesInstalledRoot((await readMeshRoots(cluster))!), false);
    await assert.rejects(
      mend('first', 0.02),
      /timed out after 1 s waiting for istiod in vc2 to use the root CA of the mesh/,
    );
    assert.deepEqual(await restarted(), ['first', undefined, undefined, undefined]);

    await publish(certificate); // as the new istiod does
    await mend('first');
    assert.deepEqual(await restarted(), ['first', 'first', 'first', 'first']);
  });

  test('is left alone if it uses that of Secret cacerts, also beside others', async () => {
    await publish(own.certificate, installed.certificate);
    await mend('second');
    assert.deepEqual(await restarted(), ['first', 'first', 'first', 'first']);
  });
});

test('the pod of istiod waits for Secret cacerts, and for no other Secret that is optional', () => {
  const volumes = (isOptional: boolean) => [
    { name: 'cacerts', secret: { secretName: 'cacerts', optional: isOptional } },
    { name: 'istio-kubeconfig', secret: { secretName: 'istio-kubeconfig', optional: true } },
  ];
  const istiod = (isOptional: boolean): Manifest => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'istiod', namespace: istioSystem },
    spec: { template: { spec: { volumes: volumes(isOptional) } } },
  });
  assert.deepEqual(awaitingAuthority(istiod(true)), istiod(false));
});
