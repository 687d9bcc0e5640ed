import { X509Certificate } from 'node:crypto';
import { commandLine } from '../../commands/command-line.js';
import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { messageOf, UserError } from '../../errors.js';
import { clip } from '../../redact.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { ref } from '../client/manifest.js';
import { apply, read, textsIn } from '../client/objects.js';
import { changeRecord } from '../demo/demo-record.js';
import { demoLabels, firstPlace, namespaceBase, placeOf, publicNameOf, type Demo } from '../demo/demo.js';
import { isCredentialRefused, probePublicAddress } from '../virtual-cluster/public-address.js';
import { certificateAuthority } from '../virtual-cluster/virtual-cluster.js';
import { refreshMounts } from '../workloads/nudge.js';
import {
  credentialsEnd,
  isProofRequired,
  issueKubeconfig,
  mergedKubeconfig,
  waysIn,
  publicEndpoint,
  type IssuedKubeconfig,
  type VirtualClusters,
} from './kubeconfig.js';
import { storedKubeconfig, type StoredKubeconfig } from './stored-kubeconfig.js';
import { demoUser } from './user-certificate.js';

/* The demo's own kubeconfig, for whoever reads its channel: a Secret in its first namespace. */

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
  // vc-client knows no other demo, and one that was made before its host cluster had a name need not be repaired.
  return mergedKubeconfig({ demo: { ...demo, hostCluster: undefined }, user: demoUser }, key, inside);
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
  const now = host.now().getTime();
  const renewBefore = Math.min(config.credentials.maxAge / 4, Math.max(0, demo.expires.getTime() - now) / 2);
  if (firstEnd(stored) <= now + renewBefore) return lacks('the certificates of the kubeconfig expire soon');
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
  await changeRecord(host, demo, (current) => ({
    ...current,
    credentialsEnd: credentialsEnd(config, current, host.now()),
  }));
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

/** When the first of its certificates expires, in milliseconds since 1970. */
const firstEnd = ({ entries }: StoredKubeconfig): number =>
  Math.min(...entries.map(({ certificate }) => Date.parse(new X509Certificate(certificate).validTo)));

/** What a test of the demo's own kubeconfig has found: no problem if it works. */
export interface KubeconfigTrial {
  /** When the first of its certificates expires; undefined if it is missing, or was changed. */
  ends?: Date;
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
  const { text } = await readKubeconfigSecret(host.with({ signal }), demo);
  if (text === undefined) return { kubeconfigProblem: 'it is missing' };
  let stored: StoredKubeconfig;
  try {
    stored = storedKubeconfig(text, demoUser);
  } catch (error) {
    return { kubeconfigProblem: `it has been changed: ${messageOf(error)}` };
  }
  return { ends: new Date(firstEnd(stored)), ...(await tryStored(stored, config, demo, clusters, signal)) };
}

async function tryStored(
  stored: StoredKubeconfig,
  config: DemoConfig,
  demo: Demo,
  clusters: VirtualClusters,
  signal: AbortSignal,
): Promise<Omit<KubeconfigTrial, 'ends'>> {
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
    const written = mergedKubeconfig({ demo, user: demoUser }, key, own);
    return { text: written, ...(unproven && { unproven }) };
  } catch (error) {
    const reason = `The stored kubeconfig of demo ${demo.name} has been changed and will not be sent: ${messageOf(error)}.`;
    throw new UserError('no-kubeconfig', reason, { hint, cause: error });
  }
}
