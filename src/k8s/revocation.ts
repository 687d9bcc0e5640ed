import { createHash } from 'node:crypto';
import type { V1ConfigMap, V1Namespace, V1ClusterRoleBinding, V1Pod, V1Secret } from '@kubernetes/client-node';
import { seconds } from '../duration.js';
import { holds, lacks, waitUntil, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import type { VirtualClusterPlace } from './demo.js';
import { execInPod } from './exec.js';
import { list, merge, read, ref, remove } from './objects.js';
import { tenantCredentials } from './tenant-credentials.js';
import { adminBinding, demoUser } from './user-certificate.js';
import { controlPlanePod } from './virtual-cluster.js';

/*
 * Revoking access to a virtual cluster. A certificate cannot be revoked, so one person's access ends by deleting the binding
 * that gives the certificate its permissions; everybody's access ends by replacing the keys that signed the certificates.
 * @see https://github.com/kubernetes/kubernetes/issues/18982
 */

const rbac = 'rbac.authorization.k8s.io/v1';

/**
 * Deletes the bindings that vcdemo created for people, without which their certificates are worthless. The demo's own user
 * keeps its binding.
 * @param userId Slack ID of the person whose bindings are deleted; undefined for everybody
 */
export async function removeBindings(cluster: Cluster, userId?: string): Promise<void> {
  const bindings = await list<V1ClusterRoleBinding>(cluster, rbac, 'ClusterRoleBinding');
  const prefix = adminBinding('').metadata.name;
  const kept = adminBinding(demoUser).metadata.name;
  const names = bindings.map(({ metadata }) => metadata?.name ?? '');
  // User names end with the ID, and start with a name that people may have changed since.
  const meant = (name: string) => userId === undefined || name.endsWith(`-${userId.toLowerCase()}`);
  for (const name of names)
    if (name.startsWith(prefix) && name !== kept && meant(name))
      await remove(cluster, ref(rbac, 'ClusterRoleBinding', name));
}

/**
 * Deletes the keys of a virtual cluster: when its control plane restarts, it gets a new CA and a new key for ServiceAccount
 * tokens, so that no earlier certificate or token is accepted. Its objects stay.
 */
export async function dropKeys(host: Cluster, place: VirtualClusterPlace, signal: AbortSignal): Promise<void> {
  const { name, namespace } = place;
  const pod = await controlPlanePod(host, place);
  const clear = ['sh', '-c', 'rm -rf /data/pki/*'];
  await execInPod(host, { namespace, pod, container: 'syncer' }, clear, { withinMs: seconds(30), signal });
  await remove(host, ref('v1', 'Secret', `${name}-certs`, namespace));
  await remove(host, ref('v1', 'Secret', `vc-${name}`, namespace));
  await remove(host, ref('v1', 'Pod', pod, namespace));
}

/** The hash of a virtual cluster's CA, in hex; undefined if it does not have one yet. */
export async function authorityHash(
  host: Cluster,
  { name, namespace }: VirtualClusterPlace,
): Promise<string | undefined> {
  const secret = await read<V1Secret>(host, ref('v1', 'Secret', `vc-${name}`, namespace));
  return secret && createHash('sha256').update(tenantCredentials(secret).certificateAuthority).digest('hex');
}

const tokensAnnotation = 'vcdemo.io/tokens-of';
const kubeSystem = ref('v1', 'Namespace', 'kube-system');

/** Whether the tokens and pods in a virtual cluster use its current keys; `authority` is the hash of its CA. */
export async function checkTokens(cluster: Cluster, authority: string): Promise<Check> {
  const noted = (await read<V1Namespace>(cluster, kubeSystem))?.metadata?.annotations?.[tokensAnnotation];
  return noted === authority ? holds : lacks('tokens and pods still use the old keys');
}

/** Replaces what the old keys have signed: tokens are reissued, and pods restart to get theirs. */
export async function replaceTokens(cluster: Cluster, authority: string, signal: AbortSignal): Promise<void> {
  await removeBindings(cluster);
  // A pod that starts before the new CA is published would trust the old one.
  await waitUntil(`the new CA in ${cluster.name}`, () => checkPublished(cluster), { withinMs: seconds(60), signal });
  const secrets = await list<V1Secret>(cluster, 'v1', 'Secret', {
    fields: { type: 'kubernetes.io/service-account-token' },
  });
  const pods = await list<V1Pod>(cluster, 'v1', 'Pod');
  const all = [
    ...secrets.map(({ metadata }) => ref('v1', 'Secret', metadata.name, metadata.namespace)),
    ...pods.map(({ metadata }) => ref('v1', 'Pod', metadata.name, metadata.namespace)),
  ];
  for (const each of all) await remove(cluster, each);
  await merge(cluster, kubeSystem, { metadata: { annotations: { [tokensAnnotation]: authority } } });
}

async function checkPublished(cluster: Cluster): Promise<Check> {
  const published = await read<V1ConfigMap>(cluster, ref('v1', 'ConfigMap', 'kube-root-ca.crt', 'istio-system'));
  const ours = cluster.access.server.certificateAuthority?.trim();
  return published?.data?.['ca.crt']?.trim() === ours ? holds : lacks('kube-root-ca.crt still contains the old CA');
}
