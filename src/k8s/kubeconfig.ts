import { X509Certificate } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { DemoConfig } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { proxyFor } from '../proxy.js';
import { accessWith } from './access.js';
import { holds, lacks, type Check } from './check.js';
import { connectCluster, type Cluster } from './cluster.js';
import { demoLabels, virtualClusterNames, type Demo, type VirtualClusterName } from './demo.js';
import { changeRecord } from './demo-record.js';
import { hostOf } from './hosts.js';
import { apply, assertSignedIn, read, ref, type Reference } from './objects.js';
import { probePublicAddress } from './public-address.js';
import { storedKubeconfig, type StoredKubeconfig } from './stored-kubeconfig.js';
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

/**
 * One kubeconfig with two contexts for each virtual cluster, all with one key: `vc1`, as in the source document, and
 * `<demo>-vc1`. The names of clusters and users carry the demo's too, so that merged files never lead to the wrong demo.
 */
export function mergedKubeconfig(
  { demo, user }: { demo: string; user: string },
  privateKey: string,
  entries: readonly KubeconfigEntry[],
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const clusterOf = (name: string) => clusterInKubeconfig(demo, name);
  const userOf = (name: string) => `${clusterOf(name)}-${user}`;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': entries[0]!.name,
      clusters: entries.map(({ name, server, tlsServerName, certificateAuthority: ca }) => ({
        name: clusterOf(name),
        cluster: {
          server,
          ...(tlsServerName && { 'tls-server-name': tlsServerName }),
          'certificate-authority-data': ca,
        },
      })),
      contexts: [
        ...entries.map(({ name }) => ({ name, context: { cluster: clusterOf(name), user: userOf(name) } })),
        ...entries.map(({ name }) => ({
          name: clusterOf(name),
          context: { cluster: clusterOf(name), user: userOf(name) },
        })),
      ],
      users: entries.map(({ name, certificate }) => ({
        name: userOf(name),
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) },
      })),
    },
    { lineWidth: 0 },
  );
}

/** A cluster's name in a kubeconfig, and that of its second context. */
const clusterInKubeconfig = (demo: string, virtualCluster: string): string => `${demo}-${virtualCluster}`;

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
  const expires = credentialsEnd(config, demo);
  const entries = await Promise.all(
    virtualClusterNames.map(async (name) => ({
      name,
      ...publicEndpoint(config, demo.name, name),
      certificateAuthority: certificateAuthority(clusters[name]),
      certificate: await issueUserCertificate(clusters[name], { user, key, expires, signal, withinMs }),
    })),
  );
  const privateKey = privateKeyPem(key.privateKey);
  await Promise.all(entries.map((entry) => prove(config, clusters[entry.name], entry, privateKey, signal)));
  return mergedKubeconfig({ demo: demo.name, user }, privateKey, entries);
}

/** Until when credentials that are issued now are valid; nobody's outlive the demo. */
export const credentialsEnd = ({ credentials }: Pick<DemoConfig, 'credentials'>, { expires }: Demo): Date =>
  new Date(Math.min(expires.getTime(), Date.now() + credentials.maxAge));

/** Signs in as the kubeconfig's user: the public way where there is one, else the worker's own. */
async function prove(
  config: DemoConfig,
  cluster: Cluster,
  { name, server, tlsServerName, certificate }: KubeconfigEntry,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const own = cluster.access.server;
  const user = { certificate, key };
  if (config.exposure.kind !== 'none') {
    const access = accessWith({ ...own, url: server, proxyUrl: proxyFor(new URL(server)), tlsServerName }, user);
    return await probePublicAddress(name, access, signal, seconds(30) * config.stepDeadlineFactor);
  }
  const connection = connectCluster(name, accessWith(own, user), { signal });
  await assertSignedIn(connection).finally(() => connection.close());
}

// ------------------------------------------------------------------ the demo's own kubeconfig

export const demoKubeconfigName = 'vcdemo-kubeconfig';
const kubeconfigKey = 'kubeconfig';
/** For vc-client. */
export const clientKubeconfigKey = 'in-cluster';

function demoKubeconfigReference(demo: Demo): Reference {
  return ref('v1', 'Secret', demoKubeconfigName, demo.places[0]!.namespace);
}

/** The same credentials with the addresses inside the host cluster, where vc-client may not reach the ingress controller. */
function clientKubeconfig(demo: Demo, { key, entries }: StoredKubeconfig): string {
  const inside = entries.map((entry) => {
    const { namespace } = demo.places.find(({ name }) => name === entry.name)!;
    return { ...entry, server: `https://${entry.name}.${namespace}.svc:443`, tlsServerName: undefined };
  });
  return mergedKubeconfig({ demo: demo.name, user: demoUser }, key, inside);
}

/** Whether the demo's kubeconfig is there, is of these virtual clusters and lives on. */
export async function checkDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
): Promise<Check> {
  const { [kubeconfigKey]: text, [clientKubeconfigKey]: ofClient } = await readKubeconfigSecret(host, demo);
  if (text === undefined) return lacks('the kubeconfig is not there');
  let stored: StoredKubeconfig;
  try {
    stored = storedKubeconfig(text, demoUser);
  } catch (error) {
    return lacks(`the kubeconfig has been changed: ${messageOf(error)}`);
  }
  for (const { name, ...entry } of stored.entries) {
    const { server, tlsServerName } = publicEndpoint(config, demo.name, name);
    if (entry.server !== server || entry.tlsServerName !== tlsServerName)
      return lacks(`the kubeconfig has another address for ${name}`);
    if (entry.certificateAuthority !== certificateAuthority(clusters[name]))
      return lacks(`the kubeconfig is of an earlier ${name}`);
  }
  if (ofClient !== clientKubeconfig(demo, stored)) return lacks('the kubeconfig of vc-client is another');
  const ends = stored.entries.map(({ certificate }) => Date.parse(new X509Certificate(certificate).validTo));
  const renewBefore = Math.min(config.credentials.maxAge / 4, Math.max(0, demo.expires.getTime() - Date.now()) / 2);
  return Math.min(...ends) > Date.now() + renewBefore ? holds : lacks('the certificates of the kubeconfig expire soon');
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
    stringData: {
      [kubeconfigKey]: kubeconfig,
      [clientKubeconfigKey]: clientKubeconfig(demo, storedKubeconfig(kubeconfig, demoUser)),
    },
  });
  await changeRecord(host, demo, (current) => ({ ...current, credentialsEnd: credentialsEnd(config, current) }));
}

async function readKubeconfigSecret(host: Cluster, demo: Demo): Promise<Record<string, string | undefined>> {
  const secret = await read<V1Secret>(host, demoKubeconfigReference(demo));
  const texts = Object.entries(secret?.data ?? {}).map(([key, data]) => [key, Buffer.from(data, 'base64').toString()]);
  return Object.fromEntries(texts) as Record<string, string | undefined>;
}

/**
 * The demo's kubeconfig for people, written anew from what was checked in the stored one: whoever can write Secrets in the
 * demo's namespace could have put a program to run on people's machines into it.
 * @throws UserError `no-kubeconfig`
 */
export async function requireDemoKubeconfig(host: Cluster, config: DemoConfig, demo: Demo): Promise<string> {
  const hint = `Run \`/vcdemo create ${demo.name}\` to complete it.`;
  const { [kubeconfigKey]: text } = await readKubeconfigSecret(host, demo);
  if (text === undefined) throw new UserError('no-kubeconfig', `Demo ${demo.name} has no kubeconfig yet.`, { hint });
  try {
    const { key, entries } = storedKubeconfig(text, demoUser);
    const own = entries.map((entry) => ({ ...entry, ...publicEndpoint(config, demo.name, entry.name) }));
    return mergedKubeconfig({ demo: demo.name, user: demoUser }, key, own);
  } catch (error) {
    const reason = `The stored kubeconfig of demo ${demo.name} has been changed, and is not handed out: ${messageOf(error)}.`;
    throw new UserError('no-kubeconfig', reason, { hint, cause: error });
  }
}
