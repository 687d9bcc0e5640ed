import type { Redis } from 'ioredis';
import { listsToScaleBy, queueName } from '../../commands/payload.js';
import { seconds } from '../../duration.js';

const countEveryMs = seconds(3);

/**
 * How many cards all workers of all host clusters are editing now, because Slack's limits are for all of them together: one
 * for each job that changes a demo. The last count is used while Redis does not answer.
 * @param clusters the names of the host clusters; empty if there is only one
 */
export function countCards(
  redis: Pick<Redis, 'status' | 'llen'>,
  clusters: readonly string[],
  now: () => number = Date.now,
): () => number {
  const active = (clusters.length > 0 ? clusters : [undefined]).flatMap((cluster) =>
    (['provisioning', 'removal'] as const).flatMap((kind) =>
      listsToScaleBy(queueName(kind, cluster)).filter((list) => list.endsWith(':active')),
    ),
  );
  let last = 1;
  let countedAt = -Infinity;
  const count = async () => {
    countedAt = now();
    const lengths = await Promise.all(active.map((list) => redis.llen(list)));
    last = lengths.reduce((sum, length) => sum + length, 0);
  };
  return () => {
    if (redis.status === 'ready' && now() - countedAt > countEveryMs) void count().catch(() => undefined);
    return Math.max(1, last);
  };
}
