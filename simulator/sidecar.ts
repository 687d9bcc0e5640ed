import { hasLabels, isReady, type KubeObject } from './objects.js';
import { internalError } from './status.js';
import type { Store } from './store.js';

const webhook = 'istio-sidecar-injector';

/** Whether a pod has Istio's sidecar. */
export const hasSidecar = ({ spec }: KubeObject): boolean =>
  spec.containers.some(({ name }: { name: string }) => name === 'istio-proxy');

/** As certificates of the mesh have it. */
export const identityOf = ({ metadata, spec }: KubeObject): string =>
  `spiffe://cluster.local/ns/${metadata.namespace}/sa/${spec.serviceAccountName ?? 'default'}`;

/** Whether istiod runs. */
export const istiodPod = (store: Store): KubeObject | undefined =>
  store.list('pods', 'istio-system').find((pod) => hasLabels(pod, { app: 'istiod' }) && isReady(pod));

/**
 * What Istio's webhook does to pods in namespaces labelled `istio-injection=enabled`.
 * @throws StatusError InternalError while istiod, which serves the webhook, is not ready
 */
export function sidecarInjection(store: Store, draft: KubeObject): void {
  const namespace = store.find('namespaces', undefined, draft.metadata.namespace!);
  const asked = namespace && hasLabels(namespace, { 'istio-injection': 'enabled' });
  if (!asked || draft.metadata.annotations?.['sidecar.istio.io/inject'] === 'false') return;
  if (!store.find('mutatingwebhookconfigurations.admissionregistration.k8s.io', undefined, webhook)) return;
  const istiod = istiodPod(store);
  if (!istiod)
    throw internalError(
      'failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"',
    );
  const { env = [] } = istiod.spec.containers[0] as { env?: { name: string; value: string }[] };
  const image = env.find(({ name }) => name === 'SIDECAR_IMAGE')?.value;
  const redirecting = { capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] }, runAsUser: 0, runAsGroup: 0 };
  draft.spec.initContainers = [
    ...(draft.spec.initContainers ?? []),
    { name: 'istio-init', image, securityContext: redirecting },
  ];
  draft.spec.containers = [...draft.spec.containers, { name: 'istio-proxy', image, args: ['proxy', 'sidecar'] }];
  draft.metadata.annotations = { ...draft.metadata.annotations, 'sidecar.istio.io/status': '{"revision":"default"}' };
}
