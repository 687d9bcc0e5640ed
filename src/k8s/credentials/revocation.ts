import { createHash } from 'node:crypto';
import type { V1ConfigMap, V1Namespace, V1Secret } from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import { UserError } from '../../errors.js';
import { holds, lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import type { VirtualClusterPlace } from '../demo/demo.js';
import { execInPod } from '../client/exec.js';
import { isNotFound } from '../client/api-errors.js';
import { copiedNotes, eachOf, merge, read, readMetadata, remove } from '../client/objects.js';
import { pages } from '../client/lists.js';
import { ref } from '../client/manifest.js';
import type { Found } from '../client/answers.js';
import { tenantCredentials } from './tenant-credentials.js';
import { adminBinding, demoUser } from './user-certificate.js';
import { controlPlanePod, controlPlaneReady } from '../virtual-cluster/virtual-cluster.js';

/*
 * Revoking access to a virtual cluster. A certificate cannot be revoked, so one person's access ends by deleting the binding
 * that gives the certificate its permissions; everybody's access ends by replacing the keys that signed the certificates.
 * @see https://github.com/kubernetes/kubernetes/issues/18982
 */

const rbac = 'rbac.authorization.k8s.io/v1';

/** How long objects of a kind are looked through: administrators of a demo can create any number. */
const searchMs = seconds(40);

/**
 * Deletes the bindings that vcdemo created for people, without which their certificates are worthless. The demo's own user
 * keeps its binding. However many bindings there are, those of known users are deleted.
 * @param users the user names in the certificates that vcdemo is known to have issued to them
 * @param userId Slack ID of the person whose bindings are deleted; undefined for everybody
 * @throws UserError `binding-kept`; `search-unfinished` if there are too many to find all of the person's
 */
export async function removeBindings(
  cluster: Cluster,
  users: readonly string[],
  userId?: string,
  withinMs = searchMs,
): Promise<void> {
  const drop = (name: string) => dropBinding(cluster, name);
  const kept = adminBinding(demoUser).metadata.name;
  for (const user of users) if (user !== demoUser) await drop(adminBinding(user).metadata.name);
  const prefix = adminBinding('').metadata.name;
  // User names end with the ID, and start with a name that people may have changed since.
  const meant = (name: string) => userId === undefined || name.endsWith(`-${userId.toLowerCase()}`);
  const dropMeant = async ({ name }: Found['metadata']) => {
    if (name.startsWith(prefix) && name !== kept && meant(name)) await drop(name);
  };
  const isFinished = await eachMetadata(cluster, rbac, 'ClusterRoleBinding', {}, dropMeant, withinMs);
  if (isFinished || userId === undefined) return; // new keys make all of them worthless
  throw new UserError('search-unfinished', `${cluster.name} has too many ClusterRoleBindings to look through.`, {
    hint: 'Delete those that nobody needs, or replace all keys of the demo: `/vcdemo revoke` without a person.',
  });
}

/** A binding with a finalizer would stay in force: its subjects and finalizers are removed, and it is looked at once more. */
async function dropBinding(cluster: Cluster, name: string): Promise<void> {
  const binding = ref(rbac, 'ClusterRoleBinding', name);
  await remove(cluster, binding);
  if (!(await readMetadata(cluster, binding))) return;
  await merge(cluster, binding, { subjects: null, metadata: { finalizers: null } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  await remove(cluster, binding);
  if (await readMetadata(cluster, binding))
    throw new UserError('binding-kept', `ClusterRoleBinding ${name} in ${cluster.name} could not be deleted.`, {
      hint: 'Somebody keeps restoring it. Replace all keys of the demo instead: `/vcdemo revoke` without a person.',
    });
}

/** Works on the metadata of each object of a kind, for a limited time; returns whether it got to the last. */
async function eachMetadata(
  cluster: Cluster,
  apiVersion: string,
  kind: string,
  where: { fields?: Record<string, string> },
  work: (metadata: Found['metadata']) => Promise<void>,
  withinMs = searchMs,
): Promise<boolean> {
  const until = performance.now() + withinMs;
  for await (const page of pages(cluster, apiVersion, kind, { ...where, metadataOnly: true })) {
    await eachOf(page, 6, ({ metadata }) => work(metadata));
    if (performance.now() > until) return false;
  }
  return true;
}

/**
 * Deletes the keys of a virtual cluster: when its control plane restarts, it gets a new CA and a new key for ServiceAccount
 * tokens, so that no earlier certificate or token is accepted. Its objects stay.
 */
export async function dropKeys(host: Cluster, place: VirtualClusterPlace, signal: AbortSignal): Promise<void> {
  const { name, namespace } = place;
  const awaited = `the control plane of ${name} to run`;
  await waitUntil(awaited, () => controlPlaneReady(host, place), { withinMs: seconds(60), signal });
  const pod = await controlPlanePod(host, place);
  const clear = ['sh', '-c', 'rm -rf /data/pki/*'];
  await execInPod(host, { namespace, pod, container: 'syncer' }, clear, { withinMs: seconds(30), signal });
  await remove(host, ref('v1', 'Secret', `${name}-certs`, namespace));
  await remove(host, ref('v1', 'Secret', `vc-${name}`, namespace));
  await remove(host, ref('v1', 'Pod', pod, namespace));
}

/** The hash of a virtual cluster's CA, in hex; undefined if it does not have one yet. */
export async function authorityHash(host: Cluster, place: VirtualClusterPlace): Promise<string | undefined> {
  const authority = await currentAuthority(host, place);
  return authority === undefined ? undefined : createHash('sha256').update(authority).digest('hex');
}

/** Whether a virtual cluster still has the keys of a connection to it, and so accepts what was issued through that. */
export async function hasCurrentKeys(host: Cluster, place: VirtualClusterPlace, { access }: Cluster): Promise<boolean> {
  return (await currentAuthority(host, place))?.trim() === access.server.certificateAuthority?.trim();
}

async function currentAuthority(host: Cluster, { name, namespace }: VirtualClusterPlace): Promise<string | undefined> {
  const secret = await read<V1Secret>(host, ref('v1', 'Secret', `vc-${name}`, namespace));
  return secret && tenantCredentials(secret).certificateAuthority;
}

/** Whether the user still has the binding that makes them an administrator. */
export const isBound = async (cluster: Cluster, user: string): Promise<boolean> =>
  (await read(cluster, ref(rbac, 'ClusterRoleBinding', adminBinding(user).metadata.name))) !== undefined;

const { tokensOf: tokensAnnotation } = copiedNotes;
const kubeSystem = ref('v1', 'Namespace', 'kube-system');

/** Whether the tokens and pods in a virtual cluster use its current keys; `authority` is the hash of its CA. */
export async function checkTokens(cluster: Cluster, authority: string): Promise<Check> {
  const noted = (await read<V1Namespace>(cluster, kubeSystem))?.metadata?.annotations?.[tokensAnnotation];
  return noted === authority ? holds : lacks('tokens and pods still use the old keys');
}

/** Replaces what the old keys have signed: tokens are reissued, and pods restart to get theirs. */
export async function replaceTokens(cluster: Cluster, authority: string, signal: AbortSignal): Promise<void> {
  await removeBindings(cluster, []);
  // A pod that starts before the new CA is published would trust the old one.
  await waitUntil(`the new CA in ${cluster.name}`, () => checkPublished(cluster), { withinMs: seconds(60), signal });
  for (const [kind, where] of [
    ['Secret', { fields: { type: 'kubernetes.io/service-account-token' } }],
    ['Pod', {}],
  ] as const)
    await eachMetadata(cluster, 'v1', kind, where, ({ name, namespace }) =>
      remove(cluster, ref('v1', kind, name, namespace)),
    );
  await merge(cluster, kubeSystem, { metadata: { annotations: { [tokensAnnotation]: authority } } });
}

async function checkPublished(cluster: Cluster): Promise<Check> {
  const published = await read<V1ConfigMap>(cluster, ref('v1', 'ConfigMap', 'kube-root-ca.crt', 'istio-system'));
  const ours = cluster.access.server.certificateAuthority?.trim();
  return published?.data?.['ca.crt']?.trim() === ours ? holds : lacks('kube-root-ca.crt still contains the old CA');
}
