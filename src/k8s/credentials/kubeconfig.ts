import { commandLine } from '../../commands/command-line.js';
import { X509Certificate } from 'node:crypto';
import { stringify } from 'yaml';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { messageOf, UserError } from '../../errors.js';
import { proxyFor } from '../../proxy.js';
import { clip } from '../../redact.js';
import { accessWith, type Access } from '../client/server-access.js';
import { holds, lacks, type Check } from '../check.js';
import { connectCluster, type Cluster } from '../client/cluster.js';
import {
  demoLabels,
  firstPlace,
  placeOf,
  virtualClusterNames,
  publicNameOf,
  namespaceBase,
  type Demo,
  type VirtualClusterName,
} from '../demo/demo.js';
import { changeRecord } from '../demo/demo-record.js';
import { hostnameOf } from '../virtual-cluster/hostnames.js';
import { apply, assertSignedIn, read, textsIn } from '../client/objects.js';
import { ref } from '../client/manifest.js';
import { isCredentialRefused, probePublicAddress } from '../virtual-cluster/public-address.js';
import { storedKubeconfig, type StoredKubeconfig } from './stored-kubeconfig.js';
import { demoUser, issueUserCertificate } from './user-certificate.js';
import { certificateAuthority } from '../virtual-cluster/virtual-cluster.js';
import { refreshMounts } from '../workloads/nudge.js';
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
 * One kubeconfig with two contexts for each virtual cluster, all with the same key: `vc1`, as in the manual guide, and
 * `<demo>-vc1`. The names of clusters and users also contain the demo's name, so that merged files never lead to the wrong
 * demo.
 */
export function mergedKubeconfig(
  { demo, user }: { demo: string; user: string },
  privateKey: string,
  entries: readonly KubeconfigEntry[],
): string {
  const [first] = entries;
  if (!first) throw new Error(`the kubeconfig of demo ${demo} has no clusters`);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const clusterOf = (name: string) => clusterInKubeconfig(demo, name);
  const userOf = (name: string) => `${clusterOf(name)}-${user}`;
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

/** The name of a cluster in a kubeconfig, and of its second context. */
const clusterInKubeconfig = (demo: string, virtualCluster: string): string => `${demo}-${virtualCluster}`;

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
  const expires = credentialsEnd(config, demo);
  const named = virtualClusterNames.flatMap((name) => (clusters[name] ? [[name, clusters[name]] as const] : []));
  const issued = await Promise.all(
    named.map(async ([name, cluster]) => {
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
  const text = mergedKubeconfig({ demo: demo.name, user }, privateKey, entries);
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
export const credentialsEnd = ({ credentials }: Pick<DemoConfig, 'credentials'>, { expires }: Demo): Date =>
  new Date(Math.min(expires.getTime(), Date.now() + credentials.maxAge));

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
function waysIn(
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

// ------------------------------------------------------------------ the demo's own kubeconfig

export const demoKubeconfigName = 'vcdemo-kubeconfig';
const kubeconfigKey = 'kubeconfig';
/** For vc-client, whose StatefulSet has one pod. */
export const clientKubeconfigKey = 'in-cluster';
const clientPod = 'vc-client-0';
/** Annotation on the Secret: why the public address was not proven. */
const unprovenKey = 'vcdemo.io/unproven';

/** The same credentials with addresses inside the host cluster, where vc-client may not reach the ingress controller. */
function clientKubeconfig(demo: Demo, { key, entries }: StoredKubeconfig): string {
  const inside = entries.map((entry) => {
    const { namespace } = placeOf(demo, entry.name);
    return { ...entry, server: `https://${entry.name}.${namespace}.svc:443`, tlsServerName: undefined };
  });
  return mergedKubeconfig({ demo: demo.name, user: demoUser }, key, inside);
}

/** Whether the demo's kubeconfig exists, belongs to these virtual clusters and does not expire soon. */
export async function checkDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
): Promise<Check> {
  const { text, ofClient, unproven } = await readKubeconfigSecret(host, demo);
  if (text === undefined) return lacks('the kubeconfig is missing');
  if (unproven && isProofRequired(config)) return lacks(`the kubeconfig has not been proven to work: ${unproven}`);
  let stored: StoredKubeconfig;
  try {
    stored = storedKubeconfig(text, demoUser);
  } catch (error) {
    return lacks(`the kubeconfig has been changed: ${messageOf(error)}`);
  }
  for (const { name, ...entry } of stored.entries) {
    const { server, tlsServerName } = publicEndpoint(config, publicNameOf(demo), name);
    if (entry.server !== server || entry.tlsServerName !== tlsServerName)
      return lacks(`the kubeconfig has a different address for ${name}`);
    if (entry.certificateAuthority !== certificateAuthority(clusters[name]))
      return lacks(`the kubeconfig belongs to an earlier ${name}`);
  }
  if (ofClient !== clientKubeconfig(demo, stored)) return lacks('the kubeconfig of vc-client is out of date');
  const ends = stored.entries.map(({ certificate }) => Date.parse(new X509Certificate(certificate).validTo));
  const renewBefore = Math.min(config.credentials.maxAge / 4, Math.max(0, demo.expires.getTime() - Date.now()) / 2);
  if (Math.min(...ends) <= Date.now() + renewBefore) return lacks('the certificates of the kubeconfig expire soon');
  return unproven ? { holds: true, note: unproven } : holds;
}

export async function makeDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
  signal: AbortSignal,
): Promise<void> {
  const { text, unproven } = await issueKubeconfig(config, demo, clusters, demoUser, signal);
  const { name, namespace } = firstPlace(demo);
  await apply(host, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: demoKubeconfigName,
      namespace,
      labels: demoLabels(namespaceBase(demo), name),
      ...(unproven && { annotations: { [unprovenKey]: clip(unproven) } }),
    },
    type: 'Opaque',
    stringData: {
      [kubeconfigKey]: text,
      [clientKubeconfigKey]: clientKubeconfig(demo, storedKubeconfig(text, demoUser)),
    },
  });
  await refreshMounts(host, namespace, clientPod);
  await changeRecord(host, demo, (current) => ({ ...current, credentialsEnd: credentialsEnd(config, current) }));
}

type StoredTexts = Partial<IssuedKubeconfig> & {
  /** What vc-client uses. */
  ofClient?: string | undefined;
};

async function readKubeconfigSecret(host: Cluster, demo: Demo): Promise<StoredTexts> {
  const secret = await read(host, ref('v1', 'Secret', demoKubeconfigName, firstPlace(demo).namespace));
  if (!secret) return {};
  const { [kubeconfigKey]: text, [clientKubeconfigKey]: ofClient } = textsIn(secret);
  const unproven = secret.metadata.annotations[unprovenKey];
  return {
    ...(text !== undefined && { text }),
    ofClient,
    ...(unproven && { unproven: clip(unproven) }),
  };
}

/** When the first certificate of the demo's own kubeconfig expires; undefined if there is none, or it was changed. */
export async function readCredentialsEnd(host: Cluster, demo: Demo): Promise<Date | undefined> {
  const { text } = await readKubeconfigSecret(host, demo);
  if (text === undefined) return undefined;
  try {
    const ends = storedKubeconfig(text, demoUser).entries.map(({ certificate }) =>
      Date.parse(new X509Certificate(certificate).validTo),
    );
    return new Date(Math.min(...ends));
  } catch {
    return undefined;
  }
}

/** What a test of the demo's own kubeconfig has found: nothing if it works. */
export interface KubeconfigTrial {
  /** Why it works for nobody. */
  kubeconfigProblem?: string;
  /** Why its public address does not work for the worker. */
  publicProblem?: string;
}

/** Tests the demo's own kubeconfig once more, as people would use it. */
export async function tryDemoKubeconfig(
  host: Cluster,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
  signal: AbortSignal,
): Promise<KubeconfigTrial> {
  const { text } = await readKubeconfigSecret(host, demo);
  if (text === undefined) return { kubeconfigProblem: 'it is missing' };
  let stored: StoredKubeconfig;
  try {
    stored = storedKubeconfig(text, demoUser);
  } catch (error) {
    return { kubeconfigProblem: `it has been changed: ${messageOf(error)}` };
  }
  const stale = stored.entries.find(
    (entry) => entry.certificateAuthority !== certificateAuthority(clusters[entry.name]),
  );
  if (stale) return { kubeconfigProblem: `its CA is not the one that ${stale.name}'s API uses now` };
  if (config.exposure.kind === 'none') return {};
  const withinMs = seconds(5) * config.stepDeadlineFactor;
  try {
    const tests = stored.entries.map(({ name, certificate }) => {
      const endpoint = publicEndpoint(config, publicNameOf(demo), name);
      const ways = waysIn(clusters[name], endpoint, { certificate, key: stored.key });
      return probePublicAddress(name, ways, signal, withinMs);
    });
    await Promise.all(tests);
    return {};
  } catch (error) {
    signal.throwIfAborted();
    return { [isCredentialRefused(error) ? 'kubeconfigProblem' : 'publicProblem']: messageOf(error) };
  }
}

/**
 * The demo's kubeconfig for people, rewritten from the checked parts of the stored one: anybody who can write Secrets in
 * the demo's namespace could have put a program into it that would run on people's machines.
 * @throws UserError `no-kubeconfig`
 */
export async function requireDemoKubeconfig(host: Cluster, config: DemoConfig, demo: Demo): Promise<IssuedKubeconfig> {
  const hint = `Run ${commandLine(demo, 'create')} to complete it.`;
  const { text, unproven } = await readKubeconfigSecret(host, demo);
  if (text === undefined) throw new UserError('no-kubeconfig', `Demo ${demo.name} has no kubeconfig yet.`, { hint });
  try {
    const { key, entries } = storedKubeconfig(text, demoUser);
    const own = entries.map((entry) => ({ ...entry, ...publicEndpoint(config, publicNameOf(demo), entry.name) }));
    const written = mergedKubeconfig({ demo: demo.name, user: demoUser }, key, own);
    return { text: written, ...(unproven && { unproven }) };
  } catch (error) {
    const reason = `The stored kubeconfig of demo ${demo.name} has been changed and will not be sent: ${messageOf(error)}.`;
    throw new UserError('no-kubeconfig', reason, { hint, cause: error });
  }
}
