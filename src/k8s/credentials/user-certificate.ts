import { randomBytes, X509Certificate } from 'node:crypto';
import type { V1CertificateSigningRequest } from '@kubernetes/client-node';
import { formatDuration, minutes, seconds } from '../../duration.js';
import { Refusal, UserError } from '../../errors.js';
import { lacks, waitUntil } from '../check.js';
import { synchronizeClocks } from '../client/clock.js';
import type { Cluster } from '../client/cluster.js';
import { apply, create, read, remove } from '../client/objects.js';
import { pathOf } from '../client/discovery.js';
import { ref, type Manifest, type Reference } from '../client/manifest.js';
import { keyPair } from './tenant-credentials.js';
import { certificateRequest, privateKeyPem, type KeyPair } from './x509.js';

/** The shortest lifetime for which Kubernetes issues a certificate. */
const minLifeMs = minutes(10);

/**
 * Issues a client certificate of one virtual cluster for a user, valid until `expires` at most, and makes the user an
 * administrator. The permissions come from the binding, not from the certificate, which cannot be revoked: deleting the
 * binding ends them.
 * @returns the certificate, PEM
 * @throws Refusal `demo-expires-soon`
 * @see https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
 */
export async function issueUserCertificate(
  cluster: Cluster,
  request: { user: string; key: KeyPair; expires: Date; signal: AbortSignal; withinMs?: number },
): Promise<string> {
  const { user, key, expires, signal, withinMs = seconds(30) } = request;
  const lifeMs = expires.getTime() - cluster.now().getTime();
  if (lifeMs < minLifeMs)
    throw new Refusal(
      'demo-expires-soon',
      `The demo expires in less than ${minLifeMs / minutes(1)} minutes, too soon for a certificate.`,
      { hint: 'Create a new demo once this one is gone.' },
    );
  await apply(cluster, adminBinding(user));
  const signingRequest = await createSigningRequest(cluster, { user, key, lifeMs });
  await approve(cluster, signingRequest, user);
  const certificate = await signedCertificate(cluster, signingRequest, user, { withinMs, signal });
  await remove(cluster, signingRequest);
  const issued = keyPair({ certificate, key: privateKeyPem(key.privateKey) }).certificate;
  assertLife(issued, lifeMs, cluster.name);
  return issued;
}

async function createSigningRequest(
  cluster: Cluster,
  { user, key, lifeMs }: { user: string; key: KeyPair; lifeMs: number },
): Promise<Reference> {
  // With a fixed name, a lost answer does not leave a second request behind.
  const name = `vcdemo-${user.toLowerCase()}-${randomBytes(5).toString('hex')}`;
  const request = certificateRequest(key, [
    ['CN', user],
    ['O', 'admin'],
  ]);
  await create(cluster, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      expirationSeconds: Math.floor(lifeMs / 1000),
      usages: ['client auth'],
    },
  });
  return ref('certificates.k8s.io/v1', 'CertificateSigningRequest', name);
}

async function approve(cluster: Cluster, signingRequest: Reference, user: string): Promise<void> {
  const approved = { type: 'Approved', status: 'True', reason: 'vcdemo', message: `requested in Slack for ${user}` };
  await cluster.request({
    method: 'PATCH',
    path: `${await pathOf(cluster, signingRequest)}/approval`,
    contentType: 'application/merge-patch+json',
    body: { status: { conditions: [approved] } },
  });
}

async function signedCertificate(
  cluster: Cluster,
  signingRequest: Reference,
  user: string,
  wait: { withinMs: number; signal: AbortSignal },
): Promise<string> {
  const look = async () => {
    const { status } = (await read<V1CertificateSigningRequest>(cluster, signingRequest)) ?? {};
    const refused = status?.conditions?.find(({ type }) => type === 'Failed' || type === 'Denied');
    if (refused) throw new Error(`${cluster.name} refused the certificate of ${user}: ${refused.message}`);
    return status?.certificate
      ? ({ holds: true, certificate: Buffer.from(status.certificate, 'base64').toString('utf8') } as const)
      : lacks('approved, but not signed yet');
  };
  const awaited = `the certificate of ${user} in ${cluster.name}`;
  return (await waitUntil(awaited, look, { ...wait, everyMs: 100 })).certificate;
}

/** Kubernetes backdates certificates by five minutes, in case clocks differ. */
const datedBackMs = minutes(5);

/**
 * Checks the lifetime of a certificate by its own dates, because the worker's clock and the cluster's may differ.
 * @throws Error if it is longer than requested; UserError `clocks-differ` if it has expired by the worker's clock
 */
export function assertLife(certificate: string, lifeMs: number, cluster: string, now = Date.now()): void {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const [begins, ends] = [Date.parse(validFrom), Date.parse(validTo)];
  if (ends - begins > lifeMs + datedBackMs + minutes(1))
    throw new Error(
      `${cluster} issued a certificate for ${formatDuration(ends - begins)} instead of ${formatDuration(lifeMs)}`,
    );
  if (ends <= now)
    throw new UserError(
      'clocks-differ',
      `The certificate that ${cluster} has just issued expired at ${new Date(ends).toISOString()}, and the worker's clock says ${new Date(now).toISOString()}.`,
      { hint: synchronizeClocks },
    );
}

/** Makes the user an administrator of the virtual cluster. */
export function adminBinding(user: string): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `vcdemo-admin-${user.toLowerCase()}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
  };
}

/** The demo's own user, as in the manual guide. */
export const demoUser = 'u-istio';

/** The user name of a person: readable, and unique because of the Slack ID. */
export function userNameOf({ userId, userName }: { userId: string; userName: string }): string {
  const readable = userName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return ['u', readable, userId.toLowerCase()].filter(Boolean).join('-');
}
