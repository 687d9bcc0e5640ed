import type { DemoConfig } from '../../config.js';

/*
 * What a worker needs in the host cluster, and where. Cluster-wide it may create namespaces, and in them bind itself to the
 * ClusterRole with the rest; so it can read Secrets and start pods only in the demos' namespaces.
 * The chart's rules are generated from here (npm run docs).
 *
 * Cluster-wide: hostRules, and clusterRules with DEMO_CLUSTER_ROLE. In the workers' namespace: claimRules; in `default`:
 * apiServerRules. In a demo's namespaces: ownRules, chartRules, vcClientRules (readerRules), exposureRules, helloworldRules.
 */

/** Verbs on resources of a group. */
export interface PermissionRule {
  group: string;
  resources: readonly string[];
  verbs: readonly string[];
  /** The name of the only object that is meant. */
  name?: string;
}

/** The part of the configuration that the permissions depend on. */
export type RightsConfig = Pick<DemoConfig, 'exposure' | 'helloworld' | 'images' | 'vcClient'>;

const rbac = 'rbac.authorization.k8s.io';
/** Server-side apply of an object that may not exist needs patch and create. */
const applied = ['get', 'create', 'patch'] as const;
/** What helm does with the objects of its charts. */
const installed = [...applied, 'delete'] as const;

/** Needed cluster-wide, whoever grants the rest. */
const hostRules: readonly PermissionRule[] = [
  { group: '', resources: ['namespaces'], verbs: [...installed, 'list'] },
  { group: '', resources: ['persistentvolumes'], verbs: ['list'] },
  { group: 'storage.k8s.io', resources: ['storageclasses'], verbs: ['list'] },
];

/**
 * Needed cluster-wide by a worker that binds itself to `demoClusterRole` in each namespace of a demo: it creates the binding
 * where it has no permissions yet, and `bind` on that one ClusterRole lets it grant itself nothing else.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#restrictions-on-role-binding-creation-or-update
 */
export function clusterRules(demoClusterRole: string): PermissionRule[] {
  return [
    ...hostRules,
    { group: rbac, resources: ['rolebindings'], verbs: ['create', 'patch'] },
    { group: rbac, resources: ['clusterroles'], verbs: ['get', 'bind'], name: demoClusterRole },
  ];
}

/** Needed in the namespace that holds the claims on demos and their records. */
export const claimRules: readonly PermissionRule[] = [
  { group: '', resources: ['configmaps'], verbs: ['get', 'list', 'create', 'update', 'delete'] },
  { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['get', 'create', 'update', 'delete'] },
];

/**
 * Needed in namespace `default`: the address of the API server, for the network policy of the control plane.
 * @see https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
 */
export const apiServerRules: readonly PermissionRule[] = [
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: ['get'], name: 'kubernetes' },
];

/** What a worker and helm do in a demo's namespace. */
const ownRules: readonly PermissionRule[] = [
  { group: '', resources: ['secrets'], verbs: [...installed, 'list', 'update'] },
  { group: '', resources: ['services'], verbs: [...installed, 'list'] },
  { group: '', resources: ['serviceaccounts'], verbs: installed },
  { group: '', resources: ['pods'], verbs: ['get', 'list', 'create', 'delete'] },
  { group: '', resources: ['pods/portforward'], verbs: ['create', 'get'] },
  // What is done with a demo is written there as Events.
  { group: '', resources: ['events'], verbs: ['list', 'create'] },
  // A control plane without a volume is a Deployment.
  { group: 'apps', resources: ['statefulsets', 'deployments'], verbs: installed },
  { group: '', resources: ['resourcequotas', 'limitranges'], verbs: [...installed, 'list'] },
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: [...installed, 'list'] },
  // Preflight tries, with dry runs, to create what the admission policy refuses.
  { group: 'networking.k8s.io', resources: ['ingresses'], verbs: ['create'] },
  { group: rbac, resources: ['roles', 'rolebindings'], verbs: installed },
];

/**
 * What vc-client may read as `reader`: neither Secrets nor pods, because vcluster may write tokens into annotations of pods.
 * The worker needs all of it too, because nobody can grant permissions that they do not have.
 */
export const readerRules: readonly PermissionRule[] = [
  {
    group: '',
    resources: ['services', 'endpoints', 'persistentvolumeclaims', 'events', 'resourcequotas', 'limitranges'],
    verbs: ['get', 'list'],
  },
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: ['get', 'list'] },
  { group: 'apps', resources: ['statefulsets'], verbs: ['get', 'list'] },
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: ['get', 'list'] },
];

/** What a worker needs to give vc-client its role. */
const vcClientRules: Record<DemoConfig['vcClient']['role'], readonly PermissionRule[]> = {
  reader: readerRules,
  admin: [{ group: rbac, resources: ['clusterroles'], verbs: ['bind'], name: 'admin' }],
};

const all = ['create', 'delete', 'patch', 'update', 'get', 'list', 'watch'] as const;

/**
 * What the Role of the vcluster chart 0.34 grants: Kubernetes lets nobody grant permissions that they do not have.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
const chartRules: readonly PermissionRule[] = [
  {
    group: '',
    resources: ['configmaps', 'secrets', 'services', 'pods', 'persistentvolumeclaims', 'endpoints'],
    verbs: all,
  },
  { group: '', resources: ['pods/attach', 'pods/portforward', 'pods/exec'], verbs: all },
  // The chart grants `resize` from Kubernetes 1.35 on.
  { group: '', resources: ['pods/status', 'pods/ephemeralcontainers', 'pods/resize'], verbs: ['patch', 'update'] },
  { group: '', resources: ['pods/log'], verbs: ['get', 'list', 'watch'] },
  {
    group: 'apps',
    resources: ['statefulsets', 'replicasets', 'deployments'],
    verbs: ['get', 'list', 'watch', 'patch', 'update'],
  },
  { group: '', resources: ['events'], verbs: ['create', 'get', 'list', 'watch'] },
  { group: 'events.k8s.io', resources: ['events'], verbs: ['create', 'get', 'list', 'watch'] },
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: all },
  {
    group: 'snapshot.storage.k8s.io',
    resources: ['volumesnapshots'],
    verbs: ['create', 'delete', 'patch', 'update', 'get', 'list'],
  },
];

/** What the objects of `exposure.kind` need; for Traefik in both of its API groups, of which a cluster serves one. */
const exposureRules: Record<DemoConfig['exposure']['kind'], readonly PermissionRule[]> = {
  traefik: ['traefik.io', 'traefik.containo.us'].map((group) => ({
    group,
    resources: ['ingressroutetcps'],
    verbs: applied,
  })),
  nginx: [{ group: 'networking.k8s.io', resources: ['ingresses'], verbs: applied }],
  gateway: [{ group: 'gateway.networking.k8s.io', resources: ['tlsroutes'], verbs: applied }],
  route: [
    { group: 'route.openshift.io', resources: ['routes'], verbs: applied },
    // Setting the host requires a separate permission.
    { group: 'route.openshift.io', resources: ['routes/custom-host'], verbs: ['create', 'update'] },
  ],
  none: [],
};

/** What helloworld's Ingress needs, if it is enabled. */
const helloworldRules: readonly PermissionRule[] = exposureRules.nginx;

/** The rules inside a demo's namespace, split by what they depend on in the configuration. */
export const demoRuleParts = {
  always: [...ownRules, ...chartRules],
  exposure: exposureRules,
  vcClient: vcClientRules,
  helloworldIngress: helloworldRules,
};

/** Needed in the namespaces of demos. */
export function demoRules({ exposure, helloworld, vcClient }: RightsConfig): PermissionRule[] {
  const { always, exposure: ofKind, vcClient: ofRole, helloworldIngress } = demoRuleParts;
  return [
    ...always,
    ...ofKind[exposure.kind],
    ...ofRole[vcClient.role],
    ...(helloworld.ingress.enabled ? helloworldIngress : []),
  ];
}

/** Needed in the namespace in which operators keep the Secret, to copy it. */
export const pullSecretRule = (name: string): PermissionRule => ({
  group: '',
  resources: ['secrets'],
  verbs: ['get'],
  name,
});

/** Everything that a worker with cluster-wide permissions needs. */
export function workerRules(config: RightsConfig): PermissionRule[] {
  return [...hostRules, ...demoRules(config), ...claimRules, ...apiServerRules];
}
