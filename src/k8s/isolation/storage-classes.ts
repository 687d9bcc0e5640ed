import type { V1Namespace, V1StorageClass } from '@kubernetes/client-node';
import type { DemoConfig } from '../../config.js';
import { holds, lacks, type Check } from '../check.js';
import type { Cluster } from '../cluster.js';
import { list, merge, ref } from '../objects.js';
import { storageClassesAnnotation } from './admission-rules.js';

/*
 * If the configuration names no StorageClasses, demos may use the host cluster's default one. The admission policy cannot
 * know which one that is, so an annotation on a demo's namespaces names it.
 */

/** Whether the namespace names the classes that its claims may use. */
export async function checkStorageClasses(host: Cluster, config: DemoConfig, namespace: V1Namespace): Promise<Check> {
  const wanted = await storageClasses(host, config);
  const named = namespace.metadata?.annotations?.[storageClassesAnnotation];
  return wanted === undefined || wanted === named
    ? holds
    : lacks(`namespace ${namespace.metadata?.name} does not name the default StorageClass`);
}

export async function nameStorageClasses(host: Cluster, config: DemoConfig, namespace: string): Promise<void> {
  const wanted = await storageClasses(host, config);
  if (wanted === undefined) return;
  const annotations = { [storageClassesAnnotation]: wanted };
  await merge(host, ref('v1', 'Namespace', namespace), { metadata: { annotations } });
}

/** Undefined if the policy contains the classes itself, or is off. */
async function storageClasses(host: Cluster, { isolation }: DemoConfig): Promise<string | undefined> {
  if (isolation.admission === 'off' || isolation.also.storageClasses.length > 0) return undefined;
  const classes = await list<V1StorageClass>(host, 'storage.k8s.io/v1', 'StorageClass');
  return classes
    .filter(({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true')
    .map(({ metadata }) => metadata.name)
    .sort()
    .join(',');
}
