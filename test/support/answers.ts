import type { KubernetesObject, V1Namespace } from '@kubernetes/client-node';
import type { ApiCall, Cluster } from '../../src/k8s/client/cluster.js';
import { ref } from '../../src/k8s/client/manifest.js';
import * as objects from '../../src/k8s/client/objects.js';
import { waitFor } from './wait-for.js';

/*
 * The product's calls with typed answers. The product validates what it needs of an answer; a test only says what it
 * expects, and fails where the answer is different.
 */

export const request = async <Answer>(cluster: Cluster, call: ApiCall): Promise<Answer> =>
  (await cluster.request(call)) as Answer;

export const create = async <Kind extends KubernetesObject>(
  ...wanted: Parameters<typeof objects.create>
): Promise<Kind> => (await objects.create(...wanted)) as Kind;

export const merge = async <Kind extends KubernetesObject>(
  ...wanted: Parameters<typeof objects.merge>
): Promise<Kind> => (await objects.merge(...wanted)) as Kind;

export const apply = async <Kind extends KubernetesObject>(
  ...wanted: Parameters<typeof objects.apply>
): Promise<Kind> => (await objects.apply(...wanted)) as Kind;

/** A new namespace in which pods can be created: they need its default account. */
export async function createNamespace(
  cluster: Cluster,
  metadata: V1Namespace['metadata'] & { name: string },
): Promise<V1Namespace> {
  const namespace = await create<V1Namespace>(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata });
  const account = ref('v1', 'ServiceAccount', 'default', metadata.name);
  await waitFor(`the default account of ${metadata.name}`, () => objects.read(cluster, account));
  return namespace;
}
