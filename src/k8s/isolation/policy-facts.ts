import type { V1Namespace, V1StorageClass } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import { ApiError, UnreachableError } from '../client/api-errors.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import { merge } from '../client/objects.js';
import { ref } from '../client/manifest.js';
import { whoAmI } from '../client/who-am-i.js';
import { storageClassesAnnotation, workerAnnotation } from './admission-rules.js';

/*
 * What the admission policy cannot know, annotations on a demo's namespaces say: the account of the worker, and the host
 * cluster's default StorageClass, which demos may use if the configuration names none.
 */

/** Whether the annotations of the namespace say what the policy needs to know. */
export async function checkPolicyFacts(host: Cluster, config: DemoConfig, { metadata }: V1Namespace): Promise<Check> {
  const wanted = Object.entries(await policyFacts(host, config));
  const stale = wanted.find(([key, value]) => metadata?.annotations?.[key] !== value);
  return stale ? lacks(`namespace ${metadata?.name} does not have its annotation ${stale[0]}`) : holds;
}

export async function notePolicyFacts(host: Cluster, config: DemoConfig, namespace: string): Promise<void> {
  const annotations = await policyFacts(host, config);
  await merge(host, ref('v1', 'Namespace', namespace), { metadata: { annotations } });
}

async function policyFacts(host: Cluster, { isolation }: DemoConfig): Promise<Record<string, string>> {
  if (isolation.admission === 'off') return {};
  const [worker, classes] = await Promise.all([
    workerAccount(host),
    // Otherwise the policy contains the classes itself.
    isolation.also.storageClasses.length === 0 ? defaultStorageClasses(host) : undefined,
  ]);
  return {
    ...(worker !== undefined && { [workerAnnotation]: worker }),
    ...(classes !== undefined && { [storageClassesAnnotation]: classes }),
  };
}

/** Undefined if the host cluster is too old to say who we are; then it also has no admission policies. */
async function workerAccount(host: Cluster): Promise<string | undefined> {
  try {
    return await whoAmI(host);
  } catch (error) {
    if (error instanceof ApiError || error instanceof UnreachableError) throw error;
    return undefined;
  }
}

async function defaultStorageClasses(host: Cluster): Promise<string> {
  const classes = await list<V1StorageClass>(host, 'storage.k8s.io/v1', 'StorageClass');
  return classes
    .filter(({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true')
    .map(({ metadata }) => metadata.name)
    .sort()
    .join(',');
}
