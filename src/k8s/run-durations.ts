import type { V1ConfigMap } from '@kubernetes/client-node';
import { z } from 'zod';
import { isConflict, isNotFound } from './api-errors.js';
import { homeNamespace, type Cluster } from './cluster.js';
import { create, pathOf, read, ref } from './objects.js';

/*
 * How long the last runs of each flow and of its steps took, for the time that people still have to wait. Kept in a ConfigMap
 * in the workers' own namespace, because Redis may be emptied and workers come and go.
 */

const name = 'vcdemo-durations';
const runsKept = 15;
const triesAtOnce = 5;

const milliseconds = z.array(z.number().int().nonnegative()).max(100);
const flowDurations = z.object({ total: milliseconds, steps: z.record(z.string().max(60), milliseconds) });
const durations = z.record(z.string().max(30), flowDurations);
type Durations = z.infer<typeof durations>;

/** One run of a flow, in milliseconds. */
export interface RunDurations {
  totalMs: number;
  stepMs: Readonly<Record<string, number>>;
}

/** The medians of the last runs; undefined if there were none. */
export async function usualDurations(host: Cluster, flow: string): Promise<RunDurations | undefined> {
  const { kept } = await readDurations(host);
  const { total, steps } = kept[flow] ?? { total: [], steps: {} };
  if (total.length === 0) return undefined;
  const medians = Object.entries(steps).map(([step, times]) => [step, medianOf(times)] as const);
  return { totalMs: medianOf(total), stepMs: Object.fromEntries(medians) };
}

/** Adds a run. If many workers do so at the same time, some of the runs are not kept. */
export async function noteDurations(host: Cluster, flow: string, run: RunDurations): Promise<void> {
  for (let tries = 1; tries <= triesAtOnce; tries++) {
    const { kept, present } = await readDurations(host);
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: homeNamespace(host.access),
        ...(present && { resourceVersion: present.metadata?.resourceVersion }),
      },
      data: { durations: JSON.stringify({ ...kept, [flow]: withRun(kept[flow], run) }) },
    };
    try {
      if (present) await host.request({ method: 'PUT', path: await pathOf(host, reference(host)), body });
      else await create(host, body);
      return;
    } catch (error) {
      if (!(isConflict(error) || isNotFound(error))) throw error;
    }
  }
}

const reference = (host: Cluster) => ref('v1', 'ConfigMap', name, homeNamespace(host.access));

/** What cannot be read counts as nothing: these are only estimates. */
async function readDurations(host: Cluster): Promise<{ kept: Durations; present: V1ConfigMap | undefined }> {
  const present = await read<V1ConfigMap>(host, reference(host));
  return { kept: durations.safeParse(parseJson(present?.data?.durations ?? '{}')).data ?? {}, present };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Steps that no longer exist are forgotten. */
function withRun(
  { total, steps }: Durations[string] = { total: [], steps: {} },
  { totalMs, stepMs }: RunDurations,
): Durations[string] {
  const add = (times: readonly number[], ms: number) => [...times, Math.round(ms)].slice(-runsKept);
  return {
    total: add(total, totalMs),
    steps: Object.fromEntries(Object.entries(stepMs).map(([step, ms]) => [step, add(steps[step] ?? [], ms)])),
  };
}

/** The middle one; of an even number, the lower of the two in the middle. */
export function medianOf(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)] ?? 0;
}
