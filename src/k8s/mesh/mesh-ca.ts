import { X509Certificate } from 'node:crypto';
import { holds, lacks, unless, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, firstPlace, namespaceBase, type Demo, type VirtualClusterName } from '../demo/demo.js';
import { commandLine } from '../../commands/command-line.js';
import { messageOf, UserError } from '../../errors.js';
import { apply, applyAll, create, missing, readSecret } from '../client/objects.js';
import type { Manifest } from '../client/manifest.js';
import { keyPair } from '../credentials/tenant-credentials.js';
import { isConflict } from '../client/api-errors.js';
import { authorityCertificate, generateAuthorityKey, issuerOf, privateKeyPem } from '../credentials/x509.js';

/*
 * A root CA for the mesh and an intermediate CA for each istiod, like those of Istio's Makefile.selfsigned.mk. The root's
 * key stays in the host cluster, in the demo's first namespace; only the intermediates enter the virtual clusters.
 * @see https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
 */

const year = 365 * 86_400_000;
const istioSystem: Manifest = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'istio-system', labels: { 'topology.istio.io/network': 'network1' } },
};
const intermediateSecret = 'cacerts';
const rootSecret = 'vcdemo-mesh-root';

export async function checkMeshRoot(host: Cluster, demo: Demo): Promise<Check> {
  return (await readRoot(host, demo)) ? holds : lacks('the root CA of the mesh is missing');
}

/** Creates the root CA once; a second attempt keeps the first one. */
export async function makeMeshRoot(host: Cluster, demo: Demo): Promise<void> {
  const key = await generateAuthorityKey();
  const now = host.now().getTime();
  const certificate = authorityCertificate(key, {
    subject: [
      ['O', 'Istio'],
      ['CN', 'Root CA'],
    ],
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + 10 * year),
  });
  const { name, namespace } = firstPlace(demo);
  try {
    await create(host, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: rootSecret, namespace, labels: demoLabels(namespaceBase(demo), name) },
      type: 'Opaque',
      stringData: { 'root-cert.pem': certificate, 'root-key.pem': privateKeyPem(key.privateKey) },
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** Whether the virtual cluster has an intermediate CA that is signed by the demo's root CA. */
export async function checkMeshCertificates(host: Cluster, demo: Demo, cluster: Cluster): Promise<Check> {
  const absent = await missing(cluster, [istioSystem]);
  if (absent) return unless(absent);
  const { 'ca-cert.pem': text } = (await readSecret(cluster, intermediateSecret, 'istio-system')) ?? {};
  if (text === undefined) return lacks('Secret cacerts is missing');
  const root = await requireRoot(host, demo);
  return isBelow(text, root.certificate, host.now())
    ? holds
    : lacks('Secret cacerts does not come from the root CA of this mesh');
}

function isBelow(text: string, root: string, now: Date): boolean {
  try {
    const intermediate = new X509Certificate(text);
    return intermediate.verify(new X509Certificate(root).publicKey) && Date.parse(intermediate.validTo) > now.getTime();
  } catch {
    return false; // not a certificate
  }
}

export async function installMeshCertificates(
  host: Cluster,
  demo: Demo,
  cluster: Cluster,
  name: VirtualClusterName,
): Promise<void> {
  await applyAll(cluster, [istioSystem]);
  const root = await requireRoot(host, demo);
  const key = await generateAuthorityKey();
  const now = host.now().getTime();
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

/** @throws UserError `broken-mesh-root` if somebody has changed it */
async function readRoot(host: Cluster, demo: Demo): Promise<{ certificate: string; key: string } | undefined> {
  const { namespace } = firstPlace(demo);
  const texts = await readSecret(host, rootSecret, namespace);
  if (!texts) return undefined;
  try {
    return keyPair({ certificate: texts['root-cert.pem'] ?? '', key: texts['root-key.pem'] ?? '' });
  } catch (error) {
    const secret = `Secret ${namespace}/${rootSecret} of the host cluster`;
    throw new UserError(
      'broken-mesh-root',
      `${secret} does not contain a usable root CA for the mesh: ${messageOf(error)}.`,
      {
        hint: `Somebody has changed it. Delete it (\`kubectl -n ${namespace} delete secret ${rootSecret}\`), then run ${commandLine(demo, 'create')}.`,
        cause: error,
      },
    );
  }
}

async function requireRoot(host: Cluster, demo: Demo): Promise<{ certificate: string; key: string }> {
  const root = await readRoot(host, demo);
  if (root) return root;
  throw new Error('the root CA of the mesh is missing in the host cluster');
}
