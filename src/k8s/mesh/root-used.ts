import { X509Certificate } from 'node:crypto';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { ref } from '../client/manifest.js';
import { read, readSecret } from '../client/objects.js';
import type { VirtualClusterName } from '../demo/demo.js';
import { checkRestarted, restartDeployments } from '../workloads/restart.js';
import { untilIstiod, type IstiodWait } from './until-istiod.js';

/*
 * Which root CA istiod works with. One that finds no Secret cacerts when it starts creates a root of its own, and keeps it
 * when the Secret comes; pods of the other cluster do not accept its certificates.
 * @see https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
 */

const istioNamespace = 'istio-system';

interface MeshRoots {
  /** The two of Secret cacerts. */
  installed: X509Certificate;
  intermediate: X509Certificate;
  /** What istiod tells all pods to trust, usually one; undefined where it publishes none. */
  used: X509Certificate[] | undefined;
}

/** @throws Error if a certificate cannot be read; undefined if there is no Secret cacerts */
export async function readMeshRoots(cluster: Cluster): Promise<MeshRoots | undefined> {
  const [secret, published] = await Promise.all([
    readSecret(cluster, 'cacerts', istioNamespace),
    read<V1ConfigMap>(cluster, ref('v1', 'ConfigMap', 'istio-ca-root-cert', istioNamespace)),
  ]);
  if (!secret) return undefined;
  const blocks = published?.data?.['root-cert.pem']?.match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  return {
    installed: new X509Certificate(secret['root-cert.pem'] ?? ''),
    intermediate: new X509Certificate(secret['ca-cert.pem'] ?? ''),
    used: blocks?.map((block) => new X509Certificate(block)),
  };
}

/** Whether istiod works with the root of Secret cacerts; one that publishes none is not known not to. */
export const usesInstalledRoot = ({ installed, used }: MeshRoots): boolean =>
  used?.some(({ fingerprint256 }) => fingerprint256 === installed.fingerprint256) ?? true;

async function checkRootUsed(cluster: Cluster, name: VirtualClusterName): Promise<Check> {
  const roots = await readMeshRoots(cluster);
  if (!roots) return lacks(`Secret cacerts is missing in ${name}`);
  return usesInstalledRoot(roots) ? holds : lacks(`istiod in ${name} does not use the root CA of Secret cacerts`);
}

/**
 * Waits until istiod works with the root of Secret cacerts, and restarts it if it does not. The Deployments whose pods have
 * certificates of the CA before are restarted after it.
 * @param deployments their names, by namespace
 * @throws Error if it takes longer than 60 s
 */
export async function untilRootIsUsed(
  cluster: Cluster,
  name: VirtualClusterName,
  deployments: () => Promise<Record<string, string[]>>,
  wait: IstiodWait,
): Promise<void> {
  const look = async () => {
    const check = await checkRootUsed(cluster, name);
    return { check, isStuck: !check.holds };
  };
  await untilIstiod(cluster, name, 'to use the root CA of the mesh', look, { ...wait, withinMs: seconds(60) });
  const { restartFor } = wait;
  if (!(await checkRestarted(cluster, istioNamespace, ['istiod'], restartFor)).holds) return;
  for (const [namespace, names] of Object.entries(await deployments()))
    await restartDeployments(cluster, namespace, names, restartFor);
}
