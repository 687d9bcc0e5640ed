import type { V1ClusterRole, V1PolicyRule } from '@kubernetes/client-node';
import * as z from 'zod';
import { UserError } from '../../errors.js';
import { untilServing, type Cluster } from '../client/cluster.js';
import { checked } from '../client/answers.js';
import { create, read } from '../client/objects.js';
import { ref } from '../client/manifest.js';
import {
  apiServerRules,
  claimRules,
  clusterRules,
  demoRules,
  pullSecretRule,
  workerRules,
  type PermissionRule,
  type RightsConfig,
} from './permissions.js';
import { sourcesOf } from '../virtual-cluster/pull-secrets.js';

/** Where a worker's permissions come from. */
interface WorkerRights {
  /** The ClusterRole that it binds itself to in the demos' namespaces; undefined if its permissions are cluster-wide. */
  demoClusterRole: string | undefined;
  /** The namespace that holds the claims on demos. */
  claimNamespace: string;
}

/** One verb on one resource, for a single object if there is a name. */
export interface Right {
  group: string;
  resource: string;
  verb: string;
  name?: string | undefined;
}

/**
 * Checks that the worker may do everything that a create does.
 * @throws UserError `missing-rights` that lists every missing verb, by resource and place.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
export async function assertPermissions(host: Cluster, config: RightsConfig, rights: WorkerRights): Promise<void> {
  const { demoClusterRole } = rights;
  if (demoClusterRole === undefined) return await assertClusterWide(host, config);
  const lacks = await lacksByPlace(host, config, { ...rights, demoClusterRole });
  if (lacks.length > 0)
    throw missingRights(
      lacks.map(({ missing }) => missing).join(' '),
      `Add them to ${lacks.map(({ role }) => role).join(', ')}, then run the command again. The Helm chart creates these roles (rbac.create).`,
    );
}

async function assertClusterWide(host: Cluster, config: RightsConfig): Promise<void> {
  if (await mayDo(host, { group: '*', resource: '*', verb: '*' })) return; // an administrator: one question is enough
  const lacking = await denied(host, workerRules(config));
  if (lacking.length > 0)
    throw missingRights(
      `Missing: ${describe(lacking)}.`,
      "Grant them to the worker's user or service account with a ClusterRole and a ClusterRoleBinding, then run the command again.",
    );
}

const missingRights = (missing: string, hint: string) =>
  new UserError(
    'missing-rights',
    `The worker does not have all the permissions it needs in the host cluster. ${missing}`,
    {
      hint,
    },
  );

/** What is missing, as a sentence, and the role in which it belongs. */
interface Lack {
  missing: string;
  role: string;
}

async function lacksByPlace(
  host: Cluster,
  config: RightsConfig,
  { demoClusterRole, claimNamespace }: WorkerRights & { demoClusterRole: string },
): Promise<Lack[]> {
  const [clusterWide, forClaims, ofApiServer] = await Promise.all([
    denied(host, clusterRules(demoClusterRole)),
    denied(host, claimRules, claimNamespace),
    denied(host, apiServerRules, 'default'),
  ]);
  const isReadable = !clusterWide.some(({ name, verb }) => name === demoClusterRole && verb === 'get');
  return [
    ...lack('cluster-wide', clusterWide, "the worker's ClusterRole"),
    ...lack(`in namespace ${claimNamespace}`, forClaims, `the worker's Role in namespace ${claimNamespace}`),
    ...(await lacksOnPullSecrets(host, config, claimNamespace)),
    ...lack('in namespace default', ofApiServer, "the worker's Role in namespace default"),
    ...(isReadable ? await lacksInRole(host, config, demoClusterRole) : []), // the right to read it is named above
  ];
}

async function lacksOnPullSecrets(host: Cluster, { images }: RightsConfig, ownNamespace: string): Promise<Lack[]> {
  const lacks = sourcesOf(images.pullSecrets).map(async ({ name, namespace = ownNamespace }) => {
    const rights = await denied(host, [pullSecretRule(name)], namespace);
    return lack(`in namespace ${namespace}`, rights, `a Role of the worker in namespace ${namespace}`);
  });
  return (await Promise.all(lacks)).flat();
}

async function lacksInRole(host: Cluster, config: RightsConfig, name: string): Promise<Lack[]> {
  const role = await read<V1ClusterRole>(host, ref('rbac.authorization.k8s.io/v1', 'ClusterRole', name));
  if (role)
    return lack(`in ClusterRole ${name}`, notGranted(role.rules ?? [], demoRules(config)), `ClusterRole ${name}`);
  return [{ missing: `Missing: ClusterRole ${name}, named by DEMO_CLUSTER_ROLE.`, role: `ClusterRole ${name}` }];
}

const lack = (where: string, rights: readonly Right[], role: string): Lack[] =>
  rights.length > 0 ? [{ missing: `Missing ${where}: ${describe(rights)}.`, role }] : [];

/** What the rules of a role do not grant, compared as RBAC does. */
export function notGranted(granted: readonly V1PolicyRule[], needed: readonly PermissionRule[]): Right[] {
  return rightsIn(needed).filter((right) => !granted.some((rule) => grants(rule, right)));
}

/** @see https://pkg.go.dev/k8s.io/kubernetes/pkg/apis/rbac/v1#ResourceMatches */
function grants({ apiGroups, resources, verbs, resourceNames }: V1PolicyRule, right: Right): boolean {
  const [, subresource] = right.resource.split('/');
  const includes = (list: string[] | undefined, ...words: string[]) => words.some((word) => list?.includes(word));
  return (
    includes(verbs, right.verb, '*') &&
    includes(apiGroups, right.group, '*') &&
    includes(resources, right.resource, '*', ...(subresource ? [`*/${subresource}`] : [])) &&
    (!resourceNames?.length || (right.name !== undefined && resourceNames.includes(right.name)))
  );
}

function rightsIn(rules: readonly PermissionRule[]): Right[] {
  const rights = rules.flatMap(({ group, resources, verbs, name }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb, name }))),
  );
  return [...new Map(rights.map((right) => [JSON.stringify(right), right])).values()];
}

/** The permissions in the rules that the worker does not have, in one namespace or cluster-wide. */
async function denied(host: Cluster, rules: readonly PermissionRule[], namespace?: string): Promise<Right[]> {
  const ask = async () => {
    const answers = await Promise.all(
      rightsIn(rules).map(async (right) => ((await mayDo(host, right, namespace)) ? [] : [right])),
    );
    return answers.flat();
  };
  const lacking = await ask();
  if (lacking.length === 0) return [];
  // It may not have read the roles yet.
  await untilServing(host.request);
  return await ask();
}

const accessReview = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Whether the worker has the permission, in a namespace or cluster-wide. */
export async function mayDo(
  host: Cluster,
  { group, resource, verb, name }: Right,
  namespace?: string,
): Promise<boolean> {
  const [main, subresource] = resource.split('/');
  const answer = await create(host, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { group, resource: main, subresource, verb, name, namespace } },
  });
  return checked(accessReview, answer, `the answer about the worker's permissions in ${host.name}`).status.allowed;
}

/** `secrets: get, list; clusterroles.rbac.authorization.k8s.io/admin: bind` */
function describe(rights: readonly Right[]): string {
  const byResource = new Map<string, string[]>();
  for (const { group, resource, verb, name } of rights) {
    const key = `${resource}${group && `.${group}`}${name ? `/${name}` : ''}`;
    byResource.set(key, [...(byResource.get(key) ?? []), verb]);
  }
  return [...byResource].map(([resource, verbs]) => `${resource}: ${verbs.join(', ')}`).join('; ');
}
