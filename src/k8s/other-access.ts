import type {
  RbacV1Subject,
  V1CertificateSigningRequest,
  V1ClusterRoleBinding,
  V1RoleBinding,
  V1Secret,
} from '@kubernetes/client-node';
import type { Cluster } from './cluster.js';
import { list } from './objects.js';
import { adminBinding } from './user-certificate.js';

const rbac = 'rbac.authorization.k8s.io/v1';

/** What may give somebody access to a virtual cluster. */
export interface AccessObjects {
  clusterRoleBindings: readonly V1ClusterRoleBinding[];
  roleBindings: readonly V1RoleBinding[];
  /** Of type kubernetes.io/service-account-token. */
  tokenSecrets: readonly V1Secret[];
  certificateRequests: readonly V1CertificateSigningRequest[];
}

/**
 * Lists what gives access to a virtual cluster apart from what Kubernetes, vcluster, Istio and vcdemo set up themselves: an
 * administrator may have left a way in. `users` are those for whom vcdemo has issued certificates. Each as `ClusterRoleBinding x (User y)` or `Secret ns/x (token of ServiceAccount z)`.
 */
export async function otherAccess(cluster: Cluster, users: readonly string[]): Promise<string[]> {
  const [clusterRoleBindings, roleBindings, tokenSecrets, certificateRequests] = await Promise.all([
    list<V1ClusterRoleBinding>(cluster, rbac, 'ClusterRoleBinding'),
    list<V1RoleBinding>(cluster, rbac, 'RoleBinding'),
    list<V1Secret>(cluster, 'v1', 'Secret', { fields: { type: 'kubernetes.io/service-account-token' } }),
    list<V1CertificateSigningRequest>(cluster, 'certificates.k8s.io/v1', 'CertificateSigningRequest'),
  ]);
  return waysIn({ clusterRoleBindings, roleBindings, tokenSecrets, certificateRequests }, users);
}

/**
 * Names and labels do not count here, because anybody who leaves a way in can choose them: only who gets which role counts.
 * @param users the user names for which vcdemo has issued certificates
 */
export function waysIn(objects: AccessObjects, users: readonly string[]): string[] {
  const unexpected = unexpectedFor(users);
  return [
    ...objects.clusterRoleBindings.flatMap((binding) => unexpected('ClusterRoleBinding', binding)),
    ...objects.roleBindings.flatMap((binding) => unexpected('RoleBinding', binding)),
    ...objects.tokenSecrets.flatMap(({ metadata }) => {
      const account = `${metadata?.namespace}/${metadata?.annotations?.['kubernetes.io/service-account.name']}`;
      if (account === 'istio-system/istio-reader-service-account') return [];
      return [`Secret ${metadata?.namespace}/${metadata?.name} (token of ServiceAccount ${account})`];
    }),
    ...objects.certificateRequests
      .filter(({ status }) => status?.certificate)
      .map(({ metadata, spec }) => `CertificateSigningRequest ${metadata?.name} (issued to ${spec.username})`),
  ];
}

const unexpectedFor =
  (users: readonly string[]) =>
  (kind: string, { metadata, roleRef, subjects = [] }: V1ClusterRoleBinding | V1RoleBinding): string[] => {
    const place = metadata?.namespace ? `${metadata.namespace}/${metadata.name}` : metadata?.name;
    const isAdministrator = (subject: string) =>
      roleRef.name === 'cluster-admin' &&
      users.some((user) => subject === `User ${user}` && metadata?.name === adminBinding(user).metadata.name);
    return subjects
      .map((subject) => describe(subject, metadata?.namespace))
      .filter((subject) => !isExpected(roleRef.name, subject) && !isAdministrator(subject))
      .map((subject) => `${kind} ${place} (${subject})`);
  };

const describe = ({ kind, name, namespace }: RbacV1Subject, ofBinding: string | undefined): string =>
  kind === 'ServiceAccount' ? `ServiceAccount ${namespace ?? ofBinding}/${name}` : `${kind} ${name}`;

/** The subjects of each role in a new demo. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['Group system:masters', 'ServiceAccount kubernetes-dashboard/admin-user'],
  'system:basic-user': ['Group system:authenticated'],
  'system:discovery': ['Group system:authenticated'],
  'system:public-info-viewer': ['Group system:authenticated', 'Group system:unauthenticated'],
  'system:service-account-issuer-discovery': ['Group system:serviceaccounts'],
  'system:monitoring': ['Group system:monitoring'],
  'system:node': ['Group system:nodes'],
  'system:node-proxier': ['User system:kube-proxy'],
  'system:kube-controller-manager': ['User system:kube-controller-manager'],
  'system:kube-scheduler': ['User system:kube-scheduler'],
  'system:volume-scheduler': ['User system:kube-scheduler'],
  'system:coredns': ['ServiceAccount kube-system/coredns'],
  'system:kube-dns': ['ServiceAccount kube-system/kube-dns'],
  'extension-apiserver-authentication-reader': ['User system:kube-controller-manager', 'User system:kube-scheduler'],
  'system::leader-locking-kube-controller-manager': [
    'User system:kube-controller-manager',
    'ServiceAccount kube-system/kube-controller-manager',
    'ServiceAccount kube-system/leader-election-controller',
  ],
  'system::leader-locking-kube-scheduler': ['User system:kube-scheduler', 'ServiceAccount kube-system/kube-scheduler'],
  'kubernetes-dashboard': ['ServiceAccount kubernetes-dashboard/kubernetes-dashboard'],
};

/** Their names contain Istio's revision and namespace. */
const istioRoles: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^istio-reader-/, ['ServiceAccount istio-system/istio-reader-service-account']],
  [/^istiod(-clusterrole|-gateway-controller|$)/, ['ServiceAccount istio-system/istiod']],
  [/^istio-ingressgateway-sds$/, ['ServiceAccount istio-system/istio-ingressgateway-service-account']],
];

function isExpected(role: string, subject: string): boolean {
  const [, controller] = /^system:controller:([a-z-]+)$/.exec(role) ?? [];
  if (controller !== undefined && subject === `ServiceAccount kube-system/${controller}`) return true;
  return (expected[role] ?? istioRoles.find(([roles]) => roles.test(role))?.[1])?.includes(subject) ?? false;
}
