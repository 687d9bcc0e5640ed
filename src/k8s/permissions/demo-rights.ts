import type { DemoConfig } from '../../config.js';
import { seconds } from '../../duration.js';
import { holds, lacks, waitUntil, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { demoLabels, namespaceBase, type Demo, type VirtualClusterPlace } from '../demo/demo.js';
import { apply } from '../client/objects.js';
import type { Manifest } from '../client/manifest.js';
import { mayDo, type Right } from './permission-check.js';
import { whoAmI } from '../client/who-am-i.js';

/*
 * A worker without cluster-wide permissions grants itself those of one ClusterRole in each namespace of a demo.
 */

export interface DemoRights {
  host: Cluster;
  demo: Demo;
  place: VirtualClusterPlace;
  /** The ClusterRole; undefined if the worker's permissions are cluster-wide, so that there is nothing to do. */
  demoClusterRole: string | undefined;
}

/** What a create does first in a namespace; a binding grants all permissions of its role at once. */
const samples: readonly Right[] = [
  { group: '', resource: 'pods', verb: 'create' },
  { group: '', resource: 'secrets', verb: 'list' },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verb: 'patch' },
];

/** Whether the authorizer grants the worker its permissions in the namespace. */
export async function checkDemoRights({ host, place, demoClusterRole }: DemoRights): Promise<Check> {
  if (demoClusterRole === undefined) return holds;
  const allowed = await Promise.all(samples.map((right) => mayDo(host, right, place.namespace)));
  return allowed.includes(false)
    ? lacks(`the worker has no permissions in namespace ${place.namespace} yet: its RoleBinding is missing`)
    : holds;
}

/** Binds the worker to the ClusterRole in an existing namespace, and waits until the authorizer has noticed. */
export async function takeDemoRights(
  request: DemoRights & { config: Pick<DemoConfig, 'stepDeadlineFactor'> },
  signal: AbortSignal,
): Promise<void> {
  const { host, config, demo, place, demoClusterRole } = request;
  if (demoClusterRole === undefined || (await checkDemoRights(request)).holds) return;
  await apply(host, demoRoleBinding(demo, place, demoClusterRole, await whoAmI(host)));
  await waitUntil(`the worker's permissions in namespace ${place.namespace}`, () => checkDemoRights(request), {
    withinMs: seconds(30) * config.stepDeadlineFactor,
    signal,
    everyMs: 50,
  });
}

/** Named like the ClusterRole, because another release of the worker creates its own binding. */
export function demoRoleBinding(
  demo: Demo,
  { name, namespace }: VirtualClusterPlace,
  demoClusterRole: string,
  userName: string,
): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: demoClusterRole, namespace, labels: demoLabels(namespaceBase(demo), name) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: demoClusterRole },
    subjects: [subjectOf(userName)],
  };
}

function subjectOf(userName: string): object {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(userName) ?? [];
  return name
    ? { kind: 'ServiceAccount', name, namespace }
    : { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: userName };
}
