import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { countersOfUse } from '../../../../src/k8s/mesh/traces.js';
import { istioOperator, manifestOf } from '../../../../src/k8s/mesh/istio.js';
import { UnparsedManifest } from '../../../../src/k8s/client/manifest.js';

const config = readDemoConfig(undefined);

describe("Istio's operator", () => {
  it("has the source document's settings and the cluster's name", () => {
    const operator = istioOperator('vc2', config.istio);
    assert.deepEqual(operator.metadata.annotations, { 'install.istio.io/ignoreReconcile': 'true' });
    const { global, telemetry } = operator.spec.values;
    assert.equal(operator.spec.profile, 'minimal');
    assert.equal(global.meshID, 'mesh1');
    assert.equal(global.network, 'network1');
    assert.deepEqual(global.multiCluster, { clusterName: 'vc2', enabled: true });
    assert.deepEqual(telemetry, { enabled: false });
    assert.deepEqual(operator.spec.meshConfig, {
      defaultConfig: { proxyMetadata: {}, proxyStatsMatcher: { inclusionRegexps: [countersOfUse] } },
      enablePrometheusMerge: true,
    });
  });

  it('is merged with the configuration, including gateways of the same name', () => {
    const over = {
      components: { ingressGateways: [{ name: 'istio-ingressgateway', k8s: { hpaSpec: { maxReplicas: 1 } } }] },
    };
    const { spec } = istioOperator('vc1', { ...config.istio, operator: over });
    const [gateway, ...more] = spec.components.ingressGateways;
    assert.equal(more.length, 0);
    assert.equal(gateway!.enabled, true);
    assert.deepEqual(Object.keys(Object(gateway!.k8s)), ['securityContext', 'hpaSpec']);
  });

  it('accepts a manifest with empty annotations, such as that of the ingress gateway', () => {
    const { metadata } = manifestOf('apiVersion: v1\nkind: Service\nmetadata:\n  name: gateway\n  annotations: null\n');
    assert.equal(metadata.annotations, undefined);
  });

  it('refuses a configuration that replaces the list of gateways with something else', () => {
    const over = { components: { ingressGateways: { enabled: false } } };
    assert.throws(
      () => istioOperator('vc1', { ...config.istio, operator: over }),
      /^Error: istio\.operator cannot be used: its components\.ingressGateways is missing or invalid$/,
    );
  });
});

describe('a rendered document', () => {
  const head = (kind: string) => `# DO NOT EDIT\napiVersion: x/v1\nkind: ${kind}\nmetadata:\n  name: a\n`;

  it('is parsed whole', () => {
    const manifest = manifestOf(`${head('Deployment')}spec:\n  replicas: 1\n`);
    assert.deepEqual(manifest, {
      apiVersion: 'x/v1',
      kind: 'Deployment',
      metadata: { name: 'a' },
      spec: { replicas: 1 },
    });
  });

  it('is not parsed beyond its metadata if it is a CRD', () => {
    const spec = "spec:\n  description: 'spec: of {a}'\n";
    const manifest = manifestOf(head('CustomResourceDefinition') + spec);
    assert.ok(manifest instanceof UnparsedManifest);
    assert.deepEqual(manifest.metadata, { name: 'a' });
    assert.equal(manifest.rest, spec);
  });
});
