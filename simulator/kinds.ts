import type { KubeObject } from './objects.js';
import type { GroupResource } from './status.js';

/** A kind that an API serves. */
export interface Kind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  shortNames: string[];
  /** Whether controllers write its `status` through the subresource of that name. */
  hasStatus: boolean;
}

const namespaced: Record<string, string> = {
  v1: 'Pod Service Secret ConfigMap ServiceAccount Event PersistentVolumeClaim Endpoints ResourceQuota LimitRange',
  'apps/v1': 'Deployment StatefulSet ReplicaSet DaemonSet ControllerRevision',
  'autoscaling/v2': 'HorizontalPodAutoscaler',
  'batch/v1': 'Job',
  'coordination.k8s.io/v1': 'Lease',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'gateway.networking.k8s.io/v1': 'Gateway TLSRoute',
  'networking.k8s.io/v1': 'NetworkPolicy Ingress',
  'policy/v1': 'PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1': 'Role RoleBinding',
  'traefik.io/v1alpha1': 'IngressRouteTCP',
};

const clusterWide: Record<string, string> = {
  v1: 'Namespace Node PersistentVolume',
  'admissionregistration.k8s.io/v1':
    'MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding',
  'apiextensions.k8s.io/v1': 'CustomResourceDefinition',
  'authentication.k8s.io/v1': 'SelfSubjectReview',
  'authorization.k8s.io/v1': 'SelfSubjectAccessReview',
  'certificates.k8s.io/v1': 'CertificateSigningRequest',
  'gateway.networking.k8s.io/v1': 'GatewayClass',
  'networking.k8s.io/v1': 'IngressClass',
  'rbac.authorization.k8s.io/v1': 'ClusterRole ClusterRoleBinding',
  'scheduling.k8s.io/v1': 'PriorityClass',
  'storage.k8s.io/v1': 'StorageClass',
};

const shortNames: Record<string, string[]> = {
  Namespace: ['ns'],
  Pod: ['po'],
  Service: ['svc'],
  ConfigMap: ['cm'],
  ServiceAccount: ['sa'],
  PersistentVolumeClaim: ['pvc'],
  Deployment: ['deploy'],
  StatefulSet: ['sts'],
  ReplicaSet: ['rs'],
  Ingress: ['ing'],
  NetworkPolicy: ['netpol'],
  CertificateSigningRequest: ['csr'],
  CustomResourceDefinition: ['crd'],
};

const withoutStatus =
  /^(Secret|ConfigMap|ServiceAccount|Event|Endpoints|EndpointSlice|Lease|.*Role|.*Binding|.*Configuration|.*Class)$/;

/** The kinds of Kubernetes itself, of Traefik and of the Gateway API. */
export const builtInKinds: readonly Kind[] = [
  ...Object.entries(namespaced).flatMap(([groupVersion, kinds]) => rows(groupVersion, kinds, true)),
  ...Object.entries(clusterWide).flatMap(([groupVersion, kinds]) => rows(groupVersion, kinds, false)),
];

function rows(groupVersion: string, kinds: string, isNamespaced: boolean): Kind[] {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  return kinds.split(' ').map((kind) => ({
    group,
    version,
    kind,
    plural: pluralOf(kind.toLowerCase()),
    namespaced: isNamespaced,
    shortNames: shortNames[kind] ?? [],
    hasStatus: !withoutStatus.test(kind),
  }));
}

function pluralOf(word: string): string {
  return word.endsWith('endpoints') ? word : `${word.replace(/y$/, 'ie').replace(/ss$/, 'sse')}s`;
}

/** The kinds that a CustomResourceDefinition adds, one for each served version. */
export function kindsOf({ spec }: KubeObject): Kind[] {
  return spec.versions
    .filter(({ served }: { served: boolean }) => served)
    .map(({ name, subresources }: { name: string; subresources?: { status?: object } }) => ({
      group: spec.group,
      version: name,
      kind: spec.names.kind,
      plural: spec.names.plural,
      namespaced: spec.scope === 'Namespaced',
      shortNames: spec.names.shortNames ?? [],
      hasStatus: subresources?.status !== undefined,
    }));
}

export const groupVersionOf = ({ group, version }: Kind): string => (group ? `${group}/${version}` : version);
export const resourceOf = ({ group, plural }: Kind): GroupResource => (group ? `${plural}.${group}` : plural);
