import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import type { DemoConfig } from '../config.js';
import { UserError } from '../errors.js';
import type { Cluster } from './cluster.js';
import { create } from './objects.js';

/** Verbs on resources of a group in the host cluster. */
export interface PermissionRule {
  group: string;
  resources: readonly string[];
  verbs: readonly string[];
  /** Of the only object that is meant. */
  name?: string;
}

const readWrite = ['get', 'list', 'create', 'patch', 'delete'] as const;
const rbac = 'rbac.authorization.k8s.io';

/** What a worker and its helm do themselves. */
const ownRules: readonly PermissionRule[] = [
  { group: '', resources: ['namespaces'], verbs: readWrite },
  { group: '', resources: ['secrets', 'services', 'configmaps', 'serviceaccounts'], verbs: [...readWrite, 'update'] },
  { group: '', resources: ['pods'], verbs: ['get', 'list', 'create'] },
  { group: '', resources: ['pods/portforward'], verbs: ['create', 'get'] },
  { group: '', resources: ['events', 'persistentvolumes'], verbs: ['list'] },
  { group: 'apps', resources: ['statefulsets'], verbs: [...readWrite, 'update'] },
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: readWrite },
  {
    group: rbac,
    resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
    verbs: [...readWrite, 'update'],
  },
  { group: rbac, resources: ['clusterroles'], verbs: ['bind'], name: 'admin' },
  { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['get', 'create', 'update', 'delete'] },
];

const all = ['create', 'delete', 'patch', 'update', 'get', 'list', 'watch'] as const;

/**
 * What the Role and ClusterRole of the vcluster chart 0.34 grant: Kubernetes lets nobody grant what they do not hold.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
const chartRules: readonly PermissionRule[] = [
  {
    group: '',
    resources: ['configmaps', 'secrets', 'services', 'pods', 'persistentvolumeclaims', 'endpoints'],
    verbs: all,
  },
  { group: '', resources: ['pods/attach', 'pods/portforward', 'pods/exec'], verbs: all },
  { group: '', resources: ['pods/status', 'pods/ephemeralcontainers'], verbs: ['patch', 'update'] },
  { group: '', resources: ['pods/log'], verbs: ['get', 'list', 'watch'] },
  { group: '', resources: ['persistentvolumes'], verbs: ['get', 'list'] },
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
    resources: ['volumesnapshots', 'volumesnapshotcontents'],
    verbs: ['create', 'delete', 'patch', 'update', 'get', 'list'],
  },
  { group: 'snapshot.storage.k8s.io', resources: ['volumesnapshotclasses'], verbs: ['get', 'list'] },
];

/** What the objects of `exposure.kind` need; of Traefik, whichever of its groups the cluster serves. */
const exposureRules: Record<DemoConfig['exposure']['kind'], readonly PermissionRule[]> = {
  traefik: [{ group: 'traefik.io', resources: ['ingressroutetcps'], verbs: readWrite }],
  nginx: [{ group: 'networking.k8s.io', resources: ['ingresses'], verbs: readWrite }],
  gateway: [{ group: 'gateway.networking.k8s.io', resources: ['tlsroutes'], verbs: readWrite }],
  none: [],
};

/** All that a worker needs in the host cluster, whatever its `exposure.kind` is made of. */
export function workerRules(kind: DemoConfig['exposure']['kind']): PermissionRule[] {
  return [...ownRules, ...chartRules, ...exposureRules[kind]];
}

interface Question {
  group: string;
  resource: string;
  verb: string;
  name?: string | undefined;
}

/**
 * Asks the host cluster whether the worker may do everything that a create does.
 * @throws UserError `missing-rights` listing every verb that lacks, by resource.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
export async function assertPermissions(host: Cluster, { exposure }: Pick<DemoConfig, 'exposure'>): Promise<void> {
  if (await mayDo(host, { group: '*', resource: '*', verb: '*' })) return; // an administrator: one question does
  const asked = workerRules(exposure.kind).flatMap(({ group, resources, verbs, name }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb, name }))),
  );
  const questions = [...new Map(asked.map((question) => [JSON.stringify(question), question])).values()];
  const answers = await Promise.all(
    questions.map(async (question) => ({ ...question, allowed: await mayDo(host, question) })),
  );
  const denied = answers.filter(({ allowed }) => !allowed);
  if (denied.length === 0) return;
  const byResource = new Map<string, string[]>();
  for (const { group, resource, verb } of denied) {
    const key = group ? `${resource}.${group}` : resource;
    byResource.set(key, [...(byResource.get(key) ?? []), verb]);
  }
  const lines = [...byResource].map(([resource, verbs]) => `${resource}: ${verbs.join(', ')}`);
  throw new UserError(
    'missing-rights',
    `The worker lacks rights in the host cluster. Nothing was made. Missing: ${lines.join('; ')}.`,
    {
      hint: "Grant them to the worker's user or service account with a ClusterRole and a ClusterRoleBinding, then create again.",
    },
  );
}

async function mayDo(host: Cluster, { group, resource, verb, name }: Question): Promise<boolean> {
  const [main, subresource] = resource.split('/');
  const review = await create<V1SelfSubjectAccessReview>(host, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { group, resource: main, subresource, verb, name } },
  });
  return review.status?.allowed === true;
}
