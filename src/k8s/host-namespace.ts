import type { V1Namespace } from '@kubernetes/client-node';
import type { DemoConfig } from '../config.js';
import { seconds } from '../duration.js';
import { UserError } from '../errors.js';
import { ApiError, isConflict, lacksRight } from './api-errors.js';
import { holds, lacks, unless, waitUntil, type Check } from './check.js';
import type { Cluster } from './cluster.js';
import { demoLabels, type Demo, type VirtualClusterPlace } from './demo.js';
import { isOwnNamespace, namespaceMetadata, noteNamespace } from './demo-record.js';
import { assertAdmission } from './isolation/admission-proof.js';
import { checkStorageClasses, nameStorageClasses } from './isolation/storage-classes.js';
import { checkDemoRights, takeDemoRights, type DemoRights } from './demo-rights.js';
import { applyAll, create, missing, read, ref, remove, type Manifest } from './objects.js';
import { pullSecretCopies, type PullSecretRequest } from './pull-secrets.js';

/**
 * The namespace of a virtual cluster in the host cluster, the worker's rights in it, the policy that lets the demo's
 * namespaces talk, and the credentials for its images.
 */
export async function checkHostNamespace(
  request: DemoRights & PullSecretRequest & { config: DemoConfig },
): Promise<Check> {
  const { host, config, demo, place } = request;
  const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
  if (!namespace) return lacks(`namespace ${place.namespace} is not there`);
  await refuseForeign(host, namespace, demo);
  if (namespace.status?.phase === 'Terminating') return lacks(`namespace ${place.namespace} is still being deleted`);
  const rights = await checkDemoRights(request);
  if (!rights.holds) return rights;
  const storage = await checkStorageClasses(host, config, namespace);
  if (!storage.holds) return storage;
  const note = await assertAdmission(host, config, place.namespace);
  const made = unless(await missing(host, [allowAllPolicy(demo, place), ...(await pullSecretCopies(request))]));
  return made.holds && note ? { holds: true, note } : made;
}

/**
 * Makes the namespace, unless somebody else's has its name, and takes it back when admission would refuse a sidecar in it.
 * @throws UserError `foreign-namespace`, `isolation-not-enforced`, `admission-refuses`
 */
export async function makeHostNamespace(
  request: DemoRights & PullSecretRequest & { config: DemoConfig; signal: AbortSignal },
): Promise<void> {
  const { host, config, demo, place, signal } = request;
  const created = await createNamespace(host, config, demo, place);
  if (created === 'terminating') return;
  await takeDemoRights(request, signal);
  try {
    await Promise.all([
      nameStorageClasses(host, config, place.namespace),
      waitForServiceAccount(host, place.namespace, { withinMs: seconds(30) * config.stepDeadlineFactor, signal }),
    ]);
    await assertAdmission(host, config, place.namespace);
    await dryRunSidecar(host, config, place.namespace);
  } catch (error) {
    if (created === 'created')
      await takeBack(host, place.namespace, { withinMs: seconds(60) * config.stepDeadlineFactor, signal });
    throw error;
  }
  await applyAll(host, [allowAllPolicy(demo, place), ...(await pullSecretCopies(request))]);
}

type Wait = { withinMs: number; signal: AbortSignal };

/** A moment after a namespace Kubernetes makes its default account; until then it refuses every pod. */
async function waitForServiceAccount(host: Cluster, namespace: string, wait: Wait): Promise<void> {
  const account = ref('v1', 'ServiceAccount', 'default', namespace);
  await waitUntil(
    `the default ServiceAccount of namespace ${namespace}`,
    async () => ((await read(host, account)) ? holds : lacks('it is not there')),
    { ...wait, everyMs: 50 },
  );
}

/** Empty, it is gone in a moment; until then it would look like a part of a demo. */
async function takeBack(host: Cluster, name: string, wait: Wait): Promise<void> {
  const namespace = ref('v1', 'Namespace', name);
  await remove(host, namespace);
  await waitUntil(
    `the end of namespace ${name}`,
    async () => ((await read(host, namespace)) ? lacks('it is there') : holds),
    wait,
  );
}

async function createNamespace(host: Cluster, config: DemoConfig, demo: Demo, place: VirtualClusterPlace) {
  const metadata = namespaceMetadata(demo, place);
  const { labels: extraLabels, annotations: extraAnnotations } = config.namespace;
  try {
    const created = await create<V1Namespace>(host, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: metadata.name,
        labels: { ...extraLabels, ...metadata.labels },
        annotations: { ...extraAnnotations, ...metadata.annotations },
      },
    });
    await noteNamespace(host, demo, place, created.metadata?.uid ?? '');
    return 'created';
  } catch (error) {
    if (!isConflict(error)) throw error;
    const present = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
    if (present) await refuseForeign(host, present, demo);
    return present?.status?.phase === 'Active' ? 'present' : 'terminating';
  }
}

/** @throws UserError `foreign-namespace` */
export async function assertNotForeign(host: Cluster, demo: Demo, place: VirtualClusterPlace): Promise<void> {
  const namespace = await read<V1Namespace>(host, ref('v1', 'Namespace', place.namespace));
  if (namespace) await refuseForeign(host, namespace, demo);
}

async function refuseForeign(host: Cluster, namespace: V1Namespace, demo: Demo): Promise<void> {
  if (await isOwnNamespace(host, demo, namespace)) return;
  throw new UserError(
    'foreign-namespace',
    `The host cluster has a namespace ${namespace.metadata?.name} already that is not part of demo ${demo.name}; it was not touched.`,
    { hint: 'Choose another name for the demo, or have that namespace removed by its owner.' },
  );
}

/** Any traffic in and out, as the demo's pods must reach the other virtual cluster's. */
export function allowAllPolicy(demo: Demo, place: VirtualClusterPlace): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'np-vc-allow-all', namespace: place.namespace, labels: demoLabels(demo.name, place.name) },
    spec: { podSelector: {}, ingress: [{}], egress: [{}], policyTypes: ['Ingress', 'Egress'] },
  };
}

/**
 * Asks the API server, without making anything, whether admission lets a pod in that has what Istio's init container
 * needs: Pod Security or Gatekeeper would else refuse every sidecar at the very end.
 */
async function dryRunSidecar(host: Cluster, config: DemoConfig, namespace: string): Promise<void> {
  const image = `${config.istio.hub}/proxyv2:${config.istio.tag}`;
  try {
    await create(host, sidecarPod(namespace, image), { dryRun: true });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403 || lacksRight(error)) throw error;
    throw new UserError(
      'admission-refuses',
      `Admission in the host cluster refuses pods with an Istio sidecar in namespace ${namespace}: ${error.message}`,
      { hint: admissionRemedy(error.message, image), cause: error },
    );
  }
}

function admissionRemedy(reason: string, image: string): string {
  if (/PodSecurity/.test(reason))
    return 'Istio redirects traffic with iptables as root: set namespace.labels to `pod-security.kubernetes.io/enforce: privileged` in the configuration, then create again.';
  return `Let just this image break the rules: add \`exempt_images: [${image}]\` to the Gatekeeper constraints on capabilities, allowed users and read-only root file systems (or the like of your policy engine), then create again.`;
}

/** The rights of `istio-init`, the least with which it can redirect traffic. */
export function sidecarPod(namespace: string, image: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'vcdemo-sidecar-dry-run', namespace },
    spec: {
      containers: [
        {
          name: 'istio-init',
          image,
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
            privileged: false,
            readOnlyRootFilesystem: false,
            runAsGroup: 0,
            runAsNonRoot: false,
            runAsUser: 0,
          },
        },
      ],
    },
  };
}
