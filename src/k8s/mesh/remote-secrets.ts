import { stringify } from 'yaml';
import { isConflict, NotYet } from '../client/api-errors.js';
import { holds, lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { virtualClusterNames, type VirtualClusterPlace } from '../demo/demo.js';
import { apply, create, missing, readSecret, remove } from '../client/objects.js';
import { ref, type Manifest } from '../client/manifest.js';
import { bearerToken } from '../credentials/tenant-credentials.js';
import { certificateAuthority, inClusterServer } from '../virtual-cluster/virtual-cluster.js';

/*
 * Lets the istiod of one cluster see the endpoints of the other: a token for istio-reader-service-account, and an address
 * that istiod can reach. `istioctl create-remote-secret` would use the public name, which may not resolve there.
 * @see https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-create-remote-secret
 */

const account = 'istio-reader-service-account';
const tokenName = `${account}-istio-remote-secret-token`;

const tokenSecret: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: tokenName,
    namespace: 'istio-system',
    annotations: { 'kubernetes.io/service-account.name': account },
  },
  type: 'kubernetes.io/service-account-token',
};

/** The account with which the other cluster's istiod reads from this virtual cluster. */
export async function checkMeshReader(cluster: Cluster): Promise<Check> {
  const token = await readToken(cluster);
  return token
    ? unless(await missing(cluster, [tokenSecret]))
    : lacks('the token for the other istiod has not been issued yet');
}

/** The account is one of Istio's manifests; it is created earlier here, so that its token exists in time. */
export async function makeMeshReader(cluster: Cluster): Promise<void> {
  try {
    await create(cluster, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account, namespace: 'istio-system' },
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
  await apply(cluster, tokenSecret);
}

async function readToken(cluster: Cluster): Promise<string | undefined> {
  const { token } = (await readSecret(cluster, tokenName, 'istio-system')) ?? {};
  return token ? bearerToken(token, 'token') : undefined;
}

/** One direction: `cluster` is to see what is in `remote`. */
interface RemoteSecretRequest {
  host: Cluster;
  cluster: Cluster;
  remote: { place: VirtualClusterPlace; cluster: Cluster };
}

export async function checkRemoteSecret(request: RemoteSecretRequest): Promise<Check> {
  const wanted = await desired(request);
  const absent = await missing(request.cluster, [wanted]);
  if (absent) return lacks(absent);
  // Its hash says what was applied, not what somebody has made of it since.
  const { name } = wanted.metadata;
  const texts = (await readSecret(request.cluster, name, 'istio-system')) ?? {};
  const isSame = Object.entries(wanted.stringData).every(([key, text]) => texts[key] === text);
  return isSame ? holds : lacks(`Secret ${name} of ${request.cluster.name} has been changed`);
}

export async function applyRemoteSecret(request: RemoteSecretRequest): Promise<void> {
  await apply(request.cluster, await desired(request));
}

async function desired({ host, remote }: RemoteSecretRequest): Promise<SecretManifest> {
  const token = await readToken(remote.cluster);
  if (!token) throw new NotYet(`${remote.place.name} has no token for the other istiod yet`);
  const server = await inClusterServer(host, remote.place);
  return remoteSecret(remote.place.name, { server, certificateAuthority: certificateAuthority(remote.cluster), token });
}

/**
 * Before istiod starts again, when they no longer work: with them it becomes ready only after 30 s, and may never read the
 * other cluster.
 * @see https://istio.io/latest/docs/reference/commands/pilot-discovery/#envvars `PILOT_REMOTE_CLUSTER_TIMEOUT`
 */
export async function removeRemoteSecrets(cluster: Cluster): Promise<void> {
  for (const name of virtualClusterNames)
    await remove(cluster, ref('v1', 'Secret', remoteSecretName(name), 'istio-system'));
}

const remoteSecretName = (name: string) => `istio-remote-secret-${name}`;

type SecretManifest = Manifest & { stringData: Record<string, string> };

/** The Secret that tells istiod about a remote cluster. */
export function remoteSecret(
  name: string,
  api: { server: string; certificateAuthority: string; token: string },
): SecretManifest {
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: api.server, 'certificate-authority-data': api.certificateAuthority } }],
    users: [{ name, user: { token: api.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: remoteSecretName(name),
      namespace: 'istio-system',
      labels: { 'istio/multiCluster': 'true' },
      annotations: { 'networking.istio.io/cluster': name },
    },
    type: 'Opaque',
    stringData: { [name]: stringify(kubeconfig) },
  };
}
