import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { readDemoConfig } from '../../src/config.js';
import { namespaceMetadata } from '../../src/k8s/demo-record.js';
import { countHits, helloworldManifests } from '../../src/k8s/helloworld.js';
import { istioOperator } from '../../src/k8s/istio.js';
import { mergedKubeconfig } from '../../src/k8s/kubeconfig.js';
import { remoteSecret } from '../../src/k8s/remote-secrets.js';
import { userNameOf } from '../../src/k8s/user-certificate.js';
import { verdictOf } from '../../src/jobs/commands/verify/verdict.js';
import { plannedDemo } from '../support/planned-demo.js';

const config = readDemoConfig(undefined);
const demo = plannedDemo();

describe("Istio's operator", () => {
  it("has the source document's settings and the cluster's name", () => {
    const operator = istioOperator('vc2', config.istio) as {
      metadata: { annotations: object };
      spec: { profile: string; meshConfig: object; values: { global: Record<string, unknown>; telemetry: object } };
    };
    assert.deepEqual(operator.metadata.annotations, { 'install.istio.io/ignoreReconcile': 'true' });
    const { global, telemetry } = operator.spec.values;
    assert.equal(operator.spec.profile, 'minimal');
    assert.equal(global.meshID, 'mesh1');
    assert.equal(global.network, 'network1');
    assert.deepEqual(global.multiCluster, { clusterName: 'vc2', enabled: true });
    assert.deepEqual(telemetry, { enabled: false });
    assert.deepEqual(operator.spec.meshConfig, { defaultConfig: { proxyMetadata: {} }, enablePrometheusMerge: true });
  });

  it('has the configuration laid over it, gateways of one name merged', () => {
    const over = {
      components: { ingressGateways: [{ name: 'istio-ingressgateway', k8s: { hpaSpec: { maxReplicas: 1 } } }] },
    };
    const { spec } = istioOperator('vc1', { ...config.istio, operator: over }) as never as {
      spec: { components: { ingressGateways: { name: string; enabled: boolean; k8s: Record<string, unknown> }[] } };
    };
    const [gateway, ...more] = spec.components.ingressGateways;
    assert.equal(more.length, 0);
    assert.equal(gateway!.enabled, true);
    assert.deepEqual(Object.keys(gateway!.k8s), ['securityContext', 'hpaSpec']);
  });
});

describe('a kubeconfig', () => {
  it('has a context for each virtual cluster, all with one key', () => {
    const entry = (name: string) => ({
      name,
      server: `https://${name}.example:443`,
      certificateAuthority: 'Y2E=',
      certificate: `cert of ${name}`,
    });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(
      mergedKubeconfig({ demo: 'demo', user: 'u-istio' }, 'the key', [entry('vc1'), entry('vc2')]),
    );
    assert.deepEqual(
      kubeConfig.contexts.map(({ name, user }) => [name, user]),
      [
        ['vc1', 'demo-vc1-u-istio'],
        ['vc2', 'demo-vc2-u-istio'],
        ['demo-vc1', 'demo-vc1-u-istio'],
        ['demo-vc2', 'demo-vc2-u-istio'],
      ],
    );
    const decoded = kubeConfig.users.map(({ certData, keyData }) =>
      [certData, keyData].map((data) => Buffer.from(data!, 'base64').toString()),
    );
    assert.deepEqual(decoded, [
      ['cert of vc1', 'the key'],
      ['cert of vc2', 'the key'],
    ]);
  });

  it('is in a name that people recognise and nobody shares', () => {
    assert.equal(userNameOf({ userId: 'U0AB', userName: 'Ann Müller' }), 'u-ann-m-ller-u0ab');
    assert.equal(userNameOf({ userId: 'U0AB', userName: '' }), 'u-u0ab');
    assert.notEqual(userNameOf({ userId: 'U0AB', userName: 'istio' }), 'u-istio');
  });

  it('for the other istiod is found by its label', () => {
    const secret = remoteSecret('vc1', { server: 'https://10.0.0.1:443', certificateAuthority: 'Y2E=', token: 't' });
    assert.equal(secret.metadata.labels?.['istio/multiCluster'], 'true');
    assert.match((secret.stringData as Record<string, string>).vc1!, /server: https:\/\/10\.0\.0\.1:443/);
  });
});

describe('a demo', () => {
  it('writes all that is known of it on its namespaces', () => {
    const { labels, annotations } = namespaceMetadata(demo, demo.places[1]!);
    assert.equal(labels['app.kubernetes.io/managed-by'], 'vcdemo');
    assert.equal(labels['vcdemo.io/demo'], 'demo');
    assert.equal(labels['vcdemo.io/virtual-cluster'], 'vc2');
    assert.match(annotations['vcdemo.io/record'], /^[0-9a-f]{64}$/);
  });

  it('has helloworld v1 in vc1 and v2 in vc2, in a namespace with injection', () => {
    for (const [cluster, version] of [
      ['vc1', 'v1'],
      ['vc2', 'v2'],
    ] as const) {
      const manifests = helloworldManifests(cluster, config);
      assert.equal(manifests[0]!.metadata.labels?.['istio-injection'], 'enabled');
      const names = manifests.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
      assert.deepEqual(names, [`helloworld-${version}`, 'sleep']);
    }
  });
});

describe('hits', () => {
  const line = (version: string) => `Hello version: ${version}, instance: helloworld-${version}-abc`;

  it('are counted by version and instance, anything else is an error', () => {
    const hits = countHits([line('v1'), line('v2'), line('v1'), 'error: curl: (28) timed out', ''].join('\n'), 5);
    assert.deepEqual(hits.versions, { v1: 2, v2: 1 });
    assert.deepEqual(hits.instances, { 'helloworld-v1-abc': 2, 'helloworld-v2-abc': 1 });
    assert.deepEqual(hits.errors, { 'curl: (28) timed out': 1, 'no answer': 1 });
  });

  const judged = (v1: number, v2: number, errors = {}) =>
    verdictOf({ requests: v1 + v2, versions: { v1, v2 }, instances: {}, errors }).kind;

  it('need not be even, but none of a version fails and few ask for more', () => {
    assert.equal(judged(3, 9), 'balanced');
    assert.equal(judged(1, 11), 'unsure');
    assert.equal(judged(12, 0), 'failed');
    assert.equal(judged(3, 0), 'unsure');
    assert.equal(judged(6, 6, { timeout: 1 }), 'failed');
  });
});
