import { X509Certificate } from 'node:crypto';
import { stringify } from 'yaml';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { UserError } from '../../errors.js';
import { proxyFor } from '../../proxy.js';
import { accessWith, type Access } from '../client/server-access.js';
import { connectCluster, type Cluster } from '../client/cluster.js';
import { publicNameOf, virtualClusterNames, type Demo, type VirtualClusterName } from '../demo/demo.js';
import { hostnameOf } from '../virtual-cluster/hostnames.js';
import { assertSignedIn } from '../client/objects.js';
import { isCredentialRefused, probePublicAddress } from '../virtual-cluster/public-address.js';
import { issueUserCertificate } from './user-certificate.js';
import { certificateAuthority } from '../virtual-cluster/virtual-cluster.js';
import { generateUserKey, privateKeyPem } from './x509.js';

/** One context of a kubeconfig. */
interface KubeconfigEntry {
  name: string;
  server: string;
  /** The name in the server's certificate, if it differs from `server`. */
  tlsServerName?: string | undefined;
  /** Base64 of PEM. */
  certificateAuthority: string;
  /** PEM. */
  certificate: string;
}

/**
 * One kubeconfig with contexts for each virtual cluster, all with the same key: `vc1`, as in the manual guide, and
 * `<demo>-vc1`; with several host clusters also `contextOf`. The names of clusters and users also say which demo it is, so
 * that merged files never lead to the wrong one.
 */
export function mergedKubeconfig(
  { demo, user }: { demo: NamedDemo; user: string },
  privateKey: string,
  entries: readonly KubeconfigEntry[],
): string {
  const [first] = entries;
  if (!first) throw new Error(`the kubeconfig of demo ${demo.name} has no clusters`);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const clusterOf = (name: string) => contextOf(demo, name);
  const userOf = (name: string) => `${clusterOf(name)}-${user}`;
  const aliases = [(name: string) => name, (name: string) => `${demo.name}-${name}`];
  if (demo.hostCluster !== undefined) aliases.push(clusterOf);
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': first.name,
      clusters: entries.map(({ name, server, tlsServerName, certificateAuthority: ca }) => ({
        name: clusterOf(name),
        cluster: {
          server,
          ...(tlsServerName && { 'tls-server-name': tlsServerName }),
          'certificate-authority-data': ca,
        },
      })),
      contexts: aliases.flatMap((alias) =>
        entries.map(({ name }) => ({
          name: alias(name),
          context: { cluster: clusterOf(name), user: userOf(name) },
        })),
      ),
      users: entries.map(({ name, certificate }) => ({
        name: userOf(name),
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) },
      })),
    },
    { lineWidth: 0 },
  );
}

type NamedDemo = Pick<Demo, 'name' | 'hostCluster'>;

/**
 * The name of a cluster in a kubeconfig, and of the context that no other demo has: `team-a-vc1`, or `team-a-vc1@eu` where
 * several host clusters can each have a demo of that name.
 */
export const contextOf = ({ name, hostCluster }: NamedDemo, virtualCluster: string): string =>
  `${name}-${virtualCluster}${hostCluster === undefined ? '' : `@${hostCluster}`}`;

/**
 * Where people reach a virtual cluster: at its public name; at the address of the ingress controller, with the public name
 * for TLS; or, without either, at a port that `kubectl port-forward` opens.
 */
export function publicEndpoint(
  config: DemoConfig,
  demo: string,
  cluster: VirtualClusterName,
): Pick<KubeconfigEntry, 'server' | 'tlsServerName'> {
  const { exposure } = config;
  if (exposure.kind === 'none') return { server: `https://localhost:${localPorts[cluster]}` };
  const name = hostnameOf(config, 'api', demo, cluster);
  return exposure.address
    ? { server: `https://${exposure.address}`, tlsServerName: name }
    : { server: `https://${name}:443` };
}

/** The local ports of a kubeconfig without public names. */
export const localPorts: Record<VirtualClusterName, number> = { vc1: 18441, vc2: 18442 };

export type VirtualClusters = Record<VirtualClusterName, Cluster>;

/** A kubeconfig that people may get. */
export interface IssuedKubeconfig {
  text: string;
  /** Why the public address is not proven, if the configuration permits that (`exposure.proof: warn`). */
  unproven?: string;
}

/**
 * A kubeconfig for a user that is proven to work in each of the virtual clusters before anybody gets it.
 * @throws UserError of `probePublicAddress`
 */
export async function issueKubeconfig(
  config: DemoConfig,
  demo: Demo,
  clusters: Partial<VirtualClusters>,
  user: string,
  signal: AbortSignal,
): Promise<IssuedKubeconfig> {
  const key = await generateUserKey();
  const withinMs = seconds(30) * config.stepDeadlineFactor;
  const named = virtualClusterNames.flatMap((name) => (clusters[name] ? [[name, clusters[name]] as const] : []));
  const issued = await Promise.all(
    named.map(async ([name, cluster]) => {
      const expires = credentialsEnd(config, demo, cluster.now());
      const certificate = await issueUserCertificate(cluster, { user, key, expires, signal, withinMs });
      const entry = {
        name,
        ...publicEndpoint(config, publicNameOf(demo), name),
        certificateAuthority: certificateAuthority(cluster),
        certificate,
      };
      return { cluster, entry };
    }),
  );
  const privateKey = privateKeyPem(key.privateKey);
  const problems = await Promise.all(
    issued.map(({ cluster, entry }) => prove(config, cluster, entry, privateKey, signal)),
  );
  const entries = issued.map(({ entry }) => entry);
  const text = mergedKubeconfig({ demo, user }, privateKey, entries);
  const unproven = problems.find(Boolean);
  return { text, ...(unproven && { unproven }) };
}

/** The client certificates in a kubeconfig, by what identifies them in an audit. */
export const certificatesIn = (kubeconfig: string): { serial: string; expires: string }[] =>
  [...kubeconfig.matchAll(/client-certificate-data: (\S+)/g)].map(([, data = '']) => {
    const { serialNumber, validTo } = new X509Certificate(Buffer.from(data, 'base64'));
    return { serial: serialNumber, expires: new Date(validTo).toISOString() };
  });

/** Until when credentials issued now are valid; they never outlive the demo. */
export const credentialsEnd = ({ credentials }: Pick<DemoConfig, 'credentials'>, { expires }: Demo, now: Date): Date =>
  new Date(Math.min(expires.getTime(), now.getTime() + credentials.maxAge));

/**
 * Signs in as the kubeconfig's user, through the public address if there is one, otherwise through the worker's own.
 * @returns why that fails, if the configuration permits that
 */
async function prove(
  config: DemoConfig,
  cluster: Cluster,
  { name, server, tlsServerName, certificate }: KubeconfigEntry,
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ways = waysIn(cluster, { server, tlsServerName }, { certificate, key });
  if (config.exposure.kind !== 'none') {
    const withinMs = seconds(30) * config.stepDeadlineFactor;
    return await provePublicWay(config.exposure, () => probePublicAddress(name, ways, signal, withinMs));
  }
  const connection = connectCluster(name, ways.direct, { signal });
  await assertSignedIn(connection).finally(() => connection.close());
  return undefined;
}

/** Whether a demo has failed if its public names do not work for the worker. */
export const isProofRequired = ({ exposure }: Pick<DemoConfig, 'exposure'>): boolean =>
  exposure.kind !== 'none' && exposure.proof === 'required';

/** With a kubeconfig's credentials through its address, and through the worker's own. */
export function waysIn(
  { access: { server: own } }: Cluster,
  { server, tlsServerName }: Pick<KubeconfigEntry, 'server' | 'tlsServerName'>,
  user: { certificate: string; key: string },
): { access: Access; direct: Access } {
  const address = { url: server, proxyUrl: proxyFor(new URL(server)), tlsServerName };
  return { access: accessWith({ ...own, ...address }, user), direct: accessWith(own, user) };
}

async function provePublicWay(
  { proof }: Exclude<DemoConfig['exposure'], { kind: 'none' }>,
  probe: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await probe();
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (proof === 'warn' && !isCredentialRefused(error)) return error.message;
    throw new UserError(error.code, error.message, {
      hint: `${error.hint} If it works for people and only the worker cannot reach it, set \`exposure.proof\` to warn.`,
      cause: error,
    });
  }
}
