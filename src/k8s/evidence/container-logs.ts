import type { V1Pod } from '@kubernetes/client-node';
import { redactedEnd } from '../../redact.js';
import type { Found } from '../client/answers.js';
import type { Cluster } from '../client/cluster.js';
import { list } from '../client/lists.js';
import { longest, most, type Part } from './part.js';

/** The logs of the containers of some pods; where the pods cannot be listed, none. */
export async function logParts(
  cluster: Cluster,
  namespaces: readonly string[],
  isMeant: (pod: Found<V1Pod>) => boolean,
): Promise<Part[]> {
  const parts = await Promise.all(
    namespaces.map(async (namespace) => {
      const pods = await list<V1Pod>(cluster, 'v1', 'Pod', { namespace, atMost: most.objects }).catch(() => []);
      return pods
        .filter(isMeant)
        .slice(0, most.pods)
        .flatMap(({ metadata, spec }) =>
          (spec?.containers ?? []).slice(0, 3).map(({ name }) => logPart(namespace, metadata.name, name)),
        );
    }),
  );
  return parts.flat();
}

const logPart = (namespace: string, pod: string, container: string): Part => ({
  path: `logs/${pod}-${container}.log`,
  says: `the end of the log of container ${container} of pod ${namespace}/${pod}`,
  async read(cluster) {
    const text = await cluster.request({
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
      query: { container, tailLines: most.logLines, limitBytes: 1_000_000 },
      accept: 'text/plain',
      repeat: 'never',
    });
    return redactedEnd(String(text), longest.log) || 'It is empty.\n';
  },
});
