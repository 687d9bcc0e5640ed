import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import { UserError } from '../errors.js';
import type { Cluster } from './cluster.js';
import { create } from './objects.js';

/** What a worker does in the host cluster; a chart's ClusterRole must grant just this. */
export interface PermissionRule {
  group: string;
  resources: readonly string[];
  verbs: readonly string[];
}

const readWrite = ['get', 'list', 'create', 'patch', 'delete'] as const;

export const permissionRules: readonly PermissionRule[] = [
  { group: '', resources: ['namespaces'], verbs: readWrite },
  { group: '', resources: ['secrets', 'services', 'configmaps', 'serviceaccounts'], verbs: [...readWrite, 'update'] },
  { group: '', resources: ['pods'], verbs: ['get', 'list', 'create'] },
  { group: '', resources: ['pods/portforward'], verbs: ['create', 'get'] },
  { group: '', resources: ['events'], verbs: ['list'] },
  { group: 'apps', resources: ['statefulsets'], verbs: [...readWrite, 'update'] },
  { group: 'networking.k8s.io', resources: ['networkpolicies'], verbs: readWrite },
  { group: 'rbac.authorization.k8s.io', resources: ['roles', 'rolebindings'], verbs: [...readWrite, 'update'] },
  { group: '', resources: ['persistentvolumes'], verbs: ['list'] },
  { group: 'rbac.authorization.k8s.io', resources: ['clusterroles', 'clusterrolebindings'], verbs: ['list'] },
  { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['get', 'create', 'update', 'delete'] },
];

interface Question {
  group: string;
  resource: string;
  verb: string;
}

/**
 * Asks the host cluster whether the worker may do everything that a create does.
 * @throws UserError `missing-rights` listing every verb that lacks, by resource.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
export async function assertPermissions(
  host: Cluster,
  rules: readonly PermissionRule[] = permissionRules,
): Promise<void> {
  if (await mayDo(host, { group: '*', resource: '*', verb: '*' })) return; // an administrator: one question does
  const questions = rules.flatMap(({ group, resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
  );
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

async function mayDo(host: Cluster, { group, resource, verb }: Question): Promise<boolean> {
  const [main, subresource] = resource.split('/');
  const review = await create<V1SelfSubjectAccessReview>(host, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { group, resource: main, subresource, verb } },
  });
  return review.status?.allowed === true;
}
