import { X509Certificate } from 'node:crypto';
import { KubeConfig, type V1Secret } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { DemoConfig } from '../config.js';
import { seconds } from '../duration.js';
import { UserError } from '../errors.js';
import { holds, lacks, type Check } from './check.js';
import { connectCluster, type Cluster } from './cluster.js';
import { demoLabels, virtualClusterNames, type Demo, type VirtualClusterName } from './demo.js';
import { hostOf } from './hosts.js';
import { apply, list, read, ref, type Reference } from './objects.js';
import { probePublicAddress } from './public-address.js';
import { demoUser, issueUserCertificate } from './user-certificate.js';
import { certificateAuthority } from './virtual-cluster.js';
import { generateUserKey, privateKeyPem } from './x509.js';

/** One context of a kubeconfig. */
export interface KubeconfigEntry {
  name: string;
  server: string;
  /** The name in the server's certificate, where `server` has another. */
  tlsServerName?: string | undefined;
  /** Base64 of PEM. */
  certificateAuthority: string;
  /** PEM. */
  certificate: string;
}

/** One kubeconfig with a context for each virtual cluster, all with one key. */
export function mergedKubeconfig(user: string, privateKey: string, entries: readonly KubeconfigEntry[]): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const userOf = (index: number) => `${user}-${index + 1}`;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': entries[0]!.name,
      clusters: entries.map(({ name, server, tlsServerName, certificateAuthority: ca }) => ({
        name,
        cluster: {
          server,
          ...(tlsServerName && { 'tls-server-name': tlsServerName }),
          'certificate-authority-data': ca,
        },
      })),
      contexts: entries.map(({ name }, index) => ({ name, context: { cluster: name, user: userOf(index) } })),
      users: entries.map(({ certificate }, index) => ({
        name: userOf(index),
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) },
      })),
    },
    { lineWidth: 0 },
  );
}

/**
 * Where people reach a virtual cluster: by its public name; by the address of the ingress controller, with the name
 * beside it; or, without either, by a port that `kubectl port-forward` opens.
 */
export function publicEndpoint(
  config: DemoConfig,
  demo: string,
  cluster: VirtualClusterName,
): Pick<KubeconfigEntry, 'server' | 'tlsServerName'> {
  const { exposure } = config;
  if (exposure.kind === 'none') return { server: `https://localhost:${localPorts[cluster]}` };
  const name = hostOf(config, 'api', demo, cluster);
  return exposure.address
    ? { server: `https://${exposure.address}`, tlsServerName: name }
    : { server: `https://${name}:443` };
}

/** The local ports of a kubeconfig without public names. */
export const localPorts: Record<VirtualClusterName, number> = { vc1: 18441, vc2: 18442 };

export type VirtualClusters = Record<VirtualClusterName, Cluster>;

/**
 * A kubeconfig for a user, proven to work in both virtual clusters before anybody gets it.
 * @throws UserError of `probePublicAddress`
 */
export async function issueKubeconfig(
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
  user: string,
  signal: AbortSignal,
): Promise<string> {
  const key = await generateUserKey();
  const withinMs = seconds(30) * config.stepDeadlineFactor;
  const entries = await Promise.all(
    virtualClusterNames.map(async (name) => ({
      name,
      ...publicEndpoint(config, demo.name, name),
      certificateAuthority: certificateAuthority(clusters[name]),
      certificate: await issueUserCertificate(clusters[name], { user, key, expires: demo.expires, signal, withinMs }),
    })),
  );
  const kubeconfig = mergedKubeconfig(user, privateKeyPem(key.privateKey), entries);
  await proveKubeconfig(config, clusters, kubeconfig, signal);
  return kubeconfig;
}

/** Lists the namespaces through every context; the public way where there is one, else the worker's own. */
async function proveKubeconfig(
  config: DemoConfig,
  clusters: VirtualClusters,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    virtualClusterNames.map(async (name) => {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromString(text);
      kubeConfig.setCurrentContext(name);
      if (config.exposure.kind !== 'none')
        return await probePublicAddress(name, kubeConfig, signal, seconds(30) * config.stepDeadlineFactor);
      const own = clusters[name].kubeConfig.getCurrentCluster()!.server;
      kubeConfig.clusters = kubeConfig.clusters.map((cluster) =>
        cluster.name === name ? { ...cluster, server: own } : cluster,
      );
      const cluster = connectCluster(name, kubeConfig, { signal });
      await list(cluster, 'v1', 'Namespace').finally(() => cluster.close());
    }),
  );
}

// ------------------------------------------------------------------ the demo's own kubeconfig

const kubeconfigKey = 'kubeconfig';

function demoKubeconfigReference(demo: Demo): Reference {
  return ref('v1', 'Secret', 'vcdemo-kubeconfig', demo.places[0]!.namespace);
}

/** Whether the demo's kubeconfig is there, is of these virtual clusters and lives on. */
export async function checkDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
): Promise<Check> {
  const text = await readDemoKubeconfig(host, demo);
  if (text === undefined) return lacks('the kubeconfig is not there');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(text);
  for (const name of virtualClusterNames) {
    const cluster = kubeConfig.getCluster(name);
    const { server, tlsServerName } = publicEndpoint(config, demo.name, name);
    if (cluster?.server !== server || cluster.tlsServerName !== tlsServerName)
      return lacks(`the kubeconfig has another address for ${name}`);
    if (cluster.caData !== certificateAuthority(clusters[name]))
      return lacks(`the kubeconfig is of an earlier ${name}`);
  }
  const ends = kubeConfig.users.map(({ certData }) =>
    Date.parse(new X509Certificate(Buffer.from(certData!, 'base64')).validTo),
  );
  return Math.min(...ends) > Date.now() ? holds : lacks('the certificates of the kubeconfig have expired');
}

export async function makeDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
  signal: AbortSignal,
): Promise<void> {
  const kubeconfig = await issueKubeconfig(config, demo, clusters, demoUser, signal);
  const reference = demoKubeconfigReference(demo);
  await apply(host, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: reference.metadata.name!,
      namespace: reference.metadata.namespace!,
      labels: demoLabels(demo.name, demo.places[0]!.name),
    },
    type: 'Opaque',
    stringData: { [kubeconfigKey]: kubeconfig },
  });
}

export async function readDemoKubeconfig(host: Cluster, demo: Demo): Promise<string | undefined> {
  const secret = await read<V1Secret>(host, demoKubeconfigReference(demo));
  const data = secret?.data?.[kubeconfigKey];
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}

/** @throws UserError `no-kubeconfig` */
export async function requireDemoKubeconfig(host: Cluster, demo: Demo): Promise<string> {
  const text = await readDemoKubeconfig(host, demo);
  if (text !== undefined) return text;
  throw new UserError('no-kubeconfig', `Demo ${demo.name} has no kubeconfig yet.`, {
    hint: `Run \`/vcdemo create ${demo.name}\` to complete it.`,
  });
}
