import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { demoConfig } from '../../../../src/config/schema.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { exposureManifests } from '../../../../src/k8s/virtual-cluster/exposure.js';

const exposed = {
  name: 'vc1',
  namespace: 'demo-vc1',
  labels: { app: 'demo' },
  hostname: 'demo-vc1.example.com',
  service: 'vc1',
  port: 443,
  targetPort: 8443,
};
/** Serves Traefik's newer API group. */
const host = {
  request: async () => ({ groups: ['apps', 'traefik.io'].map((name) => ({ name, versions: [] })) }),
} as unknown as Cluster;
const manifestsOf = (exposure: object) => exposureManifests(host, demoConfig.parse({ exposure }).exposure, exposed);
async function manifestOf(exposure: object) {
  const [manifest, ...more] = await manifestsOf(exposure);
  assert.equal(more.length, 0);
  return manifest!;
}
const gateway = { name: 'edge', namespace: 'ingress' };

/** The rules for passthrough Routes in OpenShift 4.18's definition. */
const routeSchema = z.strictObject({
  apiVersion: z.literal('route.openshift.io/v1'),
  kind: z.literal('Route'),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^([a-zA-Z0-9-]{1,63})(\.[a-zA-Z0-9-]{1,63})*$/),
    to: z.strictObject({
      kind: z.enum(['Service', '']),
      name: z.string().min(1),
      weight: z.int().min(0).max(256).optional(),
    }),
    port: z.strictObject({ targetPort: z.union([z.int(), z.string().min(1)]) }).optional(),
    // A passthrough Route has neither a path nor certificates, and must not allow plain HTTP.
    tls: z.strictObject({
      termination: z.literal('passthrough'),
      insecureEdgeTerminationPolicy: z.enum(['None', 'Redirect', '']).optional(),
    }),
    wildcardPolicy: z.enum(['None', 'Subdomain', '']).optional(),
  }),
});

describe('the exposure of an API', () => {
  it('passes TLS through in Traefik', async () => {
    const manifest = await manifestOf({ kind: 'traefik' });
    assert.equal(manifest.apiVersion, 'traefik.io/v1alpha1');
    assert.deepEqual(manifest.spec, {
      entryPoints: ['websecure'],
      routes: [{ match: 'HostSNI(`demo-vc1.example.com`)', services: [{ name: 'vc1', port: 443 }] }],
      tls: { passthrough: true },
    });
  });

  it('passes TLS through in ingress-nginx', async () => {
    const { annotations } = (await manifestOf({ kind: 'nginx' })).metadata;
    assert.equal(annotations?.['nginx.ingress.kubernetes.io/ssl-passthrough'], 'true');
    assert.equal(annotations?.['nginx.ingress.kubernetes.io/backend-protocol'], 'HTTPS');
  });

  it('is a TLSRoute for the Gateway', async () => {
    const { spec } = (await manifestOf({ kind: 'gateway', gateway })) as unknown as { spec: Record<string, unknown> };
    assert.deepEqual(spec.parentRefs, [gateway]);
    assert.deepEqual(spec.hostnames, ['demo-vc1.example.com']);
  });

  it('is a passthrough Route in OpenShift that matches its schema', async () => {
    const manifest = routeSchema.parse(await manifestOf({ kind: 'route' }));
    assert.equal(manifest.spec.host, 'demo-vc1.example.com');
    assert.deepEqual(manifest.spec.port, { targetPort: 8443 });
  });

  it("has the configuration's annotations, whatever its kind", async () => {
    const annotations = { 'haproxy.org/ssl-passthrough': 'true' };
    for (const exposure of [{ kind: 'traefik' }, { kind: 'nginx' }, { kind: 'gateway', gateway }, { kind: 'route' }]) {
      const { metadata } = await manifestOf({ ...exposure, annotations });
      assert.equal(metadata.annotations?.['haproxy.org/ssl-passthrough'], 'true', exposure.kind);
      assert.deepEqual(metadata.labels, { app: 'demo' }, exposure.kind);
    }
  });

  it("lets the configuration's annotations override its own", async () => {
    const name = 'nginx.ingress.kubernetes.io/ssl-redirect';
    const { annotations } = (await manifestOf({ kind: 'nginx', annotations: { [name]: 'false' } })).metadata;
    assert.equal(annotations?.[name], 'false');
    assert.equal(annotations?.['nginx.ingress.kubernetes.io/ssl-passthrough'], 'true');
  });

  it('is nothing if nothing is exposed', async () => assert.deepEqual(await manifestsOf({ kind: 'none' }), []));
});
