import { X509Certificate } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import { holds, lacks, unless, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import { demoLabels, type Demo, type VirtualClusterName } from './demo.js';
import { apply, applyAll, create, missing, read, ref, type Manifest, type Reference } from './objects.js';
import { isConflict } from './api-errors.js';
import { authorityCertificate, generateAuthorityKey, issuerOf, privateKeyPem } from './x509.js';

/*
 * One root for the mesh and an intermediate authority for each istiod, as Istio's Makefile.selfsigned.mk makes them.
 * The root's key stays in the host cluster, in the demo's first namespace; only the intermediates enter the virtual ones.
 * @see https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
 */

const year = 365 * 86_400_000;
const istioSystem: Manifest = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'istio-system', labels: { 'topology.istio.io/network': 'network1' } },
};
const cacerts = ref('v1', 'Secret', 'cacerts', 'istio-system');

function rootReference(demo: Demo): Reference {
  return ref('v1', 'Secret', 'vcdemo-mesh-root', demo.places[0]!.namespace);
}

export async function checkMeshRoot(host: Cluster, demo: Demo): Promise<Check> {
  return (await read(host, rootReference(demo))) ? holds : lacks('the root of the mesh is not there');
}

/** Makes the root once; a second maker keeps the first one's. */
export async function makeMeshRoot(host: Cluster, demo: Demo): Promise<void> {
  const key = await generateAuthorityKey();
  const now = Date.now();
  const certificate = authorityCertificate(key, {
    subject: [
      ['O', 'Istio'],
      ['CN', 'Root CA'],
    ],
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + 10 * year),
  });
  const reference = rootReference(demo);
  try {
    await create(host, {
      ...reference,
      metadata: { ...reference.metadata, labels: demoLabels(demo.name, demo.places[0]!.name) },
      type: 'Opaque',
      stringData: { 'root-cert.pem': certificate, 'root-key.pem': privateKeyPem(key.privateKey) },
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** Whether the virtual cluster has an intermediate authority that the demo's root has signed. */
export async function checkMeshCertificates(host: Cluster, demo: Demo, cluster: Cluster): Promise<Check> {
  const absent = await missing(cluster, [istioSystem]);
  if (absent) return unless(absent);
  const secret = await read<V1Secret>(cluster, cacerts);
  if (!secret) return lacks('Secret cacerts is not there');
  const root = await readRoot(host, demo);
  const intermediate = new X509Certificate(textOf(secret, 'ca-cert.pem'));
  const good =
    intermediate.verify(new X509Certificate(root.certificate).publicKey) &&
    Date.parse(intermediate.validTo) > Date.now();
  return good ? holds : lacks('Secret cacerts does not come from the root of this mesh');
}

export async function installMeshCertificates(
  host: Cluster,
  demo: Demo,
  cluster: Cluster,
  name: VirtualClusterName,
): Promise<void> {
  await applyAll(cluster, [istioSystem]);
  const root = await readRoot(host, demo);
  const key = await generateAuthorityKey();
  const now = Date.now();
  const intermediate = authorityCertificate(
    key,
    {
      subject: [
        ['O', 'Istio'],
        ['CN', 'Intermediate CA'],
        ['L', name],
      ],
      notBefore: new Date(now - 3_600_000),
      notAfter: new Date(now + 2 * year),
      pathLength: 0,
      dnsNames: ['istiod.istio-system.svc'],
    },
    issuerOf(root.certificate, root.key),
  );
  await apply(cluster, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: 'istio-system' },
    type: 'Opaque',
    stringData: {
      'ca-cert.pem': intermediate,
      'ca-key.pem': privateKeyPem(key.privateKey),
      'cert-chain.pem': intermediate + root.certificate,
      'root-cert.pem': root.certificate,
    },
  });
}

async function readRoot(host: Cluster, demo: Demo): Promise<{ certificate: string; key: string }> {
  const secret = await read<V1Secret>(host, rootReference(demo));
  if (!secret) throw new Error('the root of the mesh has gone from the host cluster');
  return { certificate: textOf(secret, 'root-cert.pem'), key: textOf(secret, 'root-key.pem') };
}

const textOf = (secret: V1Secret, key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
