import type {
  RbacV1Subject,
  V1CertificateSigningRequest,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Pod,
  V1PolicyRule,
  V1Role,
  V1RoleBinding,
  V1Secret,
} from '@kubernetes/client-node';
import { seconds } from '../../duration.js';
import type { Cluster } from '../client/cluster.js';
import { pages } from '../client/lists.js';
import type { Found } from '../client/answers.js';
import { adminBinding } from './user-certificate.js';

const rbac = 'rbac.authorization.k8s.io';

/** What may give somebody access to a virtual cluster. */
export interface AccessObjects {
  clusterRoleBindings: readonly V1ClusterRoleBinding[];
  roleBindings: readonly V1RoleBinding[];
  clusterRoles: readonly V1ClusterRole[];
  roles: readonly V1Role[];
  /** Of type kubernetes.io/service-account-token. */
  tokenSecrets: readonly V1Secret[];
  certificateRequests: readonly V1CertificateSigningRequest[];
  pods: readonly V1Pod[];
}

const kinds: Record<keyof AccessObjects, { apiVersion: string; kind: string; fields?: Record<string, string> }> = {
  clusterRoleBindings: { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding' },
  roleBindings: { apiVersion: `${rbac}/v1`, kind: 'RoleBinding' },
  clusterRoles: { apiVersion: `${rbac}/v1`, kind: 'ClusterRole' },
  roles: { apiVersion: `${rbac}/v1`, kind: 'Role' },
  tokenSecrets: { apiVersion: 'v1', kind: 'Secret', fields: { type: 'kubernetes.io/service-account-token' } },
  certificateRequests: { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
  pods: { apiVersion: 'v1', kind: 'Pod' },
};

/** For each kind, because administrators of a demo can create any number of objects, and large ones. */
const searchMs = seconds(20);
const mostKept = 500;

/**
 * Lists what gives access to a virtual cluster apart from what Kubernetes, vcluster, Istio and vcdemo set up themselves: an
 * administrator may have left a way in. `users` are those for whom vcdemo has issued certificates. Each as
 * `ClusterRoleBinding x (User y)` or `Secret ns/x (token of ServiceAccount z)`. Where there are too many objects, it says so.
 */
export async function otherAccess(cluster: Cluster, users: readonly string[]): Promise<string[]> {
  const each = await Promise.all(
    Object.entries(kinds).map(([key, of]) =>
      findIn(cluster, of, (page) => waysIn({ ...noObjects, [key]: page }, users)),
    ),
  );
  return each.flat();
}

const noObjects: AccessObjects = {
  ...{ clusterRoleBindings: [], roleBindings: [], clusterRoles: [], roles: [] },
  ...{ tokenSecrets: [], certificateRequests: [], pods: [] },
};

async function findIn(
  cluster: Cluster,
  { apiVersion, kind, fields }: (typeof kinds)[keyof AccessObjects],
  see: (page: Found[]) => string[],
): Promise<string[]> {
  const until = performance.now() + searchMs;
  const ways: string[] = [];
  let seen = 0;
  for await (const page of pages(cluster, apiVersion, kind, fields && { fields })) {
    ways.push(...see(page));
    seen += page.length;
    if (ways.length < mostKept && performance.now() < until) continue;
    return [`more than ${seen} ${kind} objects; the rest was not checked`, ...ways.slice(0, mostKept)];
  }
  return ways;
}

/**
 * Names and labels do not count here, because anybody who leaves a way in can choose them: only who gets which role counts.
 * @param users the user names for which vcdemo has issued certificates
 */
export function waysIn(objects: Partial<AccessObjects>, users: readonly string[]): string[] {
  const {
    clusterRoleBindings,
    roleBindings,
    clusterRoles,
    roles,
    tokenSecrets,
    certificateRequests,
    pods,
  }: AccessObjects = { ...noObjects, ...objects };
  const unexpected = unexpectedFor(users);
  return [
    ...clusterRoleBindings.flatMap((binding) => unexpected('ClusterRoleBinding', binding)),
    ...roleBindings.flatMap((binding) => unexpected('RoleBinding', binding)),
    ...clusterRoles.flatMap((role) => widened('ClusterRole', role)),
    ...roles.flatMap((role) => widened('Role', role)),
    ...tokenSecrets.flatMap(({ metadata }) => {
      const account = `${metadata?.namespace}/${metadata?.annotations?.['kubernetes.io/service-account.name']}`;
      if (account === 'istio-system/istio-reader-service-account') return [];
      return [`Secret ${metadata?.namespace}/${metadata?.name} (token of ServiceAccount ${account})`];
    }),
    ...certificateRequests
      .filter(({ status }) => status?.certificate)
      .map(({ metadata, spec }) => `CertificateSigningRequest ${metadata?.name} (issued to ${spec.username})`),
    ...pods.filter(isStranger).map(({ metadata, spec }) => {
      const account = `${metadata?.namespace}/${spec?.serviceAccountName}`;
      return `Pod ${metadata?.namespace}/${metadata?.name} (runs as ServiceAccount ${account})`;
    }),
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

/** Roles of everybody who is signed in, or of anybody. */
const rolesOfAll = Object.entries(expected)
  .filter(([, subjects]) =>
    subjects.some((subject) => /^Group system:((un)?authenticated|serviceaccounts)$/.test(subject)),
  )
  .map(([role]) => role);

/**
 * A role that is expected to be bound, but holds more than it should: anything but discovery if it is everybody's, everything
 * if it is somebody's. What lies in between cannot be judged: it differs between versions.
 */
function widened(kind: string, { metadata, rules }: V1ClusterRole | V1Role): string[] {
  const { name = '', namespace } = metadata ?? {};
  if (name === 'cluster-admin' || name === 'system:controller:clusterrole-aggregation-controller') return [];
  const isOfAll = rolesOfAll.includes(name);
  const isKnown =
    isOfAll ||
    name in expected ||
    name.startsWith('system:controller:') ||
    istioRoles.some(([roles]) => roles.test(name));
  const isTooMuch = isOfAll ? (rule: V1PolicyRule) => !isDiscovery(rule) : isEverything;
  if (!isKnown || !(rules ?? []).some(isTooMuch)) return [];
  const place = namespace ? `${namespace}/${name}` : name;
  return [`${kind} ${place} (was changed to grant more${isOfAll ? ', to everybody' : ''})`];
}

const isDiscovery = ({ verbs, resources = [], nonResourceURLs = [] }: V1PolicyRule): boolean =>
  resources.length > 0
    ? resources.every((resource) => /^selfsubject\w*reviews$/.test(resource)) && !verbs.includes('*')
    : nonResourceURLs.every((url) => url !== '*' && url !== '/*') && verbs.every((verb) => verb === 'get');

const isEverything = ({ verbs, resources = [] }: V1PolicyRule): boolean =>
  (verbs.includes('*') && resources.includes('*')) ||
  verbs.some((verb) => ['impersonate', 'escalate', 'bind'].includes(verb));

/** The Deployments whose pods use an account with a role. */
const workloads: Readonly<Record<string, readonly string[]>> = {
  'istio-system/istiod': ['istiod'],
  'istio-system/istio-ingressgateway-service-account': ['istio-ingressgateway'],
  'kube-system/coredns': ['coredns'],
  'kubernetes-dashboard/kubernetes-dashboard': ['kubernetes-dashboard'],
};
const isAccountOfRole = (account: string) =>
  Object.values(expected).some((subjects) => subjects.includes(`ServiceAccount ${account}`)) ||
  istioRoles.some(([, subjects]) => subjects.includes(`ServiceAccount ${account}`)) ||
  // The controllers' accounts, which no pod uses.
  /^kube-system\/.*-controller$/.test(account);

/** A pod with an account that only others should use. */
function isStranger({ metadata, spec }: V1Pod): boolean {
  const account = `${metadata?.namespace}/${spec?.serviceAccountName ?? 'default'}`;
  if (!isAccountOfRole(account)) return false;
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  const isOf = (workload: string) => owner?.kind === 'ReplicaSet' && owner.name.replace(/-[a-z0-9]+$/, '') === workload;
  return !(workloads[account] ?? []).some(isOf);
}
