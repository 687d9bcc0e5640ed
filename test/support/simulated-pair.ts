import https from 'node:https';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { type V1CertificateSigningRequest } from '@kubernetes/client-node';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { virtualClusterNames, type VirtualClusterName, type VirtualClusterPlace } from '../../src/k8s/demo/demo.js';
import { type ExposedService } from '../../src/k8s/virtual-cluster/exposure.js';
import { pathOf } from '../../src/k8s/client/discovery.js';
import { read } from '../../src/k8s/client/objects.js';
import { ref, type Manifest } from '../../src/k8s/client/manifest.js';
import { create } from './answers.js';
import { VirtualClusterConnections } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import { accessFromText } from './access.js';
import { waitFor as wait } from './wait-for.js';

/* For tests of what the simulated cluster does beyond a single Kubernetes API, which test/contract covers. */

const { signal } = new AbortController();
const bin = join(import.meta.dirname, '../../simulator/bin');

/** Pods and virtual clusters start without delay. */
export const quick = { podStartMs: 40, virtualClusterStartMs: 40 };

export const waitFor = <Answer>(awaited: string, ask: () => Promise<Answer | undefined | false>) =>
  wait(awaited, ask, { withinMs: 5000, everyMs: 20 });

export function connectTo(kubeconfig: string, name = 'host'): Cluster {
  return connectCluster(name, accessFromText(kubeconfig), { signal });
}

/** Runs one of the stand-ins as vcdemo does. */
export async function runTool(
  tool: 'helm' | 'istioctl',
  kubeconfig: string,
  args: string[],
  input: object = {},
): Promise<string> {
  const { stdout } = await execa(join(bin, tool), args, { env: { KUBECONFIG: kubeconfig }, input: stringify(input) });
  return stdout;
}

/** A simulated cluster with two virtual clusters; the getters work only inside tests. */
export interface Pair {
  readonly simulated: SimulatedCluster;
  readonly host: Cluster;
  virtual(name: VirtualClusterName): Promise<Cluster>;
}

export const places: Record<VirtualClusterName, VirtualClusterPlace> = {
  vc1: { name: 'vc1', namespace: 'demo-vc1' },
  vc2: { name: 'vc2', namespace: 'demo-vc2' },
};

export const publicName = (name: VirtualClusterName) => `${name}.vcdemo.test`;

/** Describes a topic of a simulated cluster, with vc1 from a current chart and vc2 from one before 0.20. */
export function describePair(topic: string, defineTests: (pair: Pair) => void): void {
  describe(`${topic} of the simulated cluster`, () => defineTests(started()));
}

function started(): Pair {
  let simulated: SimulatedCluster;
  let host: Cluster;
  let connections: VirtualClusterConnections;
  const install = (name: VirtualClusterName, values: object, version = '0.34.0') => {
    const { namespace } = places[name];
    const options = ['--install', name, 'vcluster', '--namespace', namespace, '--values', '-', '--version', version];
    return runTool('helm', simulated.kubeconfigFile, ['upgrade', ...options], values);
  };

  before(async () => {
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
        const cluster = await connections.connect(places[name]).catch(() => undefined);
        return (
          cluster && (await read(cluster, ref('v1', 'ServiceAccount', 'default', 'default')).catch(() => undefined))
        );
      });
  });
  after(async () => {
    await connections.close();
    host.close();
    await simulated.close();
  });

  return {
    get simulated() {
      return simulated;
    },
    get host() {
      return host;
    },
    virtual: (name) => connections.connect(places[name]),
  };
}

/** A route from the hostname to a Service in the namespace of vc1. */
export function routeTo(service: string, hostname: string): ExposedService {
  return { name: service, namespace: places.vc1.namespace, labels: {}, hostname, service, port: 443 };
}

export function deployment(name: string, labels: Record<string, string>, image = 'any'): Manifest {
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

/** Approves a signing request; resolves with the certificate, PEM. */
export async function sign(cluster: Cluster, request: string): Promise<string> {
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

/** The response at a local port, whatever its certificate. */
export function getInsecurely(
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
