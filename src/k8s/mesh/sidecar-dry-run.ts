import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { UserError } from '../../errors.js';
import { adviceFor } from '../../known-failures.js';
import { ApiError, lacksRight } from '../client/api-errors.js';
import { holds, lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { sidecarSettings } from './istio.js';
import { create } from '../client/objects.js';
import { istioImage } from './istio-images.js';

type SidecarConfig = Pick<DemoConfig, 'istio' | 'images' | 'helloworld' | 'sleep'>;

/**
 * Asks the API server in a dry run whether pods like those of the samples, with sidecars and their resources, may be created in
 * the namespace: otherwise Pod Security, a policy engine, a quota or a LimitRange would refuse them only at the very end.
 * @throws UserError `admission-refuses`
 */
export async function dryRunSidecar(
  host: Cluster,
  config: SidecarConfig & Pick<DemoConfig, 'stepDeadlineFactor'>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const wait = { withinMs: seconds(30) * config.stepDeadlineFactor, signal };
  for (const pod of [sidecarPod(namespace, config), sidecarPod(namespace, config, 'sleep')])
    await waitUntil(
      `Kubernetes to compute the usage of the quota of namespace ${namespace}`,
      () => admits(host, config, pod),
      wait,
    );
}

async function admits(host: Cluster, config: SidecarConfig, pod: ReturnType<typeof sidecarPod>): Promise<Check> {
  try {
    await create(host, pod, { dryRun: true });
    return holds;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // A new quota refuses everything until its controller has counted.
    if (error.message.includes('status unknown for quota')) return lacks(error.message);
    throw new UserError(
      'admission-refuses',
      `Admission in the host cluster refuses pods with an Istio sidecar in namespace ${pod.metadata.namespace}: ${error.message}`,
      { hint: `${remedyFor(error.message, config)} Then run the command again.`, cause: error },
    );
  }
}

/** Webhooks choose their own status; Kubernetes' own admission uses 403 or 422. */
const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && [400, 403, 422].includes(error.status) && !lacksRight(error);

function remedyFor(reason: string, config: SidecarConfig): string {
  if (/webhook "[^"]*gatekeeper/.test(reason))
    return `Exempt only this image: add \`exempt_images: [${proxyImage(config)}]\` to the Gatekeeper constraints on capabilities, allowed users and read-only root file systems.`;
  return (
    adviceFor(reason) ?? `Have the image ${proxyImage(config)} or the namespace exempted from the policy named above.`
  );
}

const sampleImages = ({ images }: SidecarConfig) => ({ helloworld: images.helloworldV1, sleep: images.sleep });

const proxyImage = ({ istio }: SidecarConfig) => istioImage(istio, 'proxyv2');

/** A sample's pod as it reaches the host cluster; the init container has the least privileges that it needs. */
export function sidecarPod(namespace: string, config: SidecarConfig, name: 'helloworld' | 'sleep' = 'helloworld') {
  const { usesCni, resources } = sidecarSettings(config.istio);
  const image = proxyImage(config);
  const unprivileged = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, privileged: false };
  const asProxy = {
    ...unprivileged,
    readOnlyRootFilesystem: true,
    runAsGroup: 1337,
    runAsNonRoot: true,
    runAsUser: 1337,
  };
  const asRoot = {
    ...unprivileged,
    capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
    readOnlyRootFilesystem: false,
    runAsGroup: 0,
    runAsNonRoot: false,
    runAsUser: 0,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'vcdemo-sidecar-dry-run', namespace },
    spec: {
      initContainers: [
        usesCni
          ? { name: 'istio-validation', image, resources, securityContext: asProxy }
          : { name: 'istio-init', image, resources, securityContext: asRoot },
      ],
      containers: [
        { name, image: sampleImages(config)[name], resources: config[name].resources },
        { name: 'istio-proxy', image, resources, securityContext: asProxy },
      ],
    },
  };
}
