import * as z from 'zod';
import { medianOf } from '../../median.js';
import type { Cluster } from '../client/cluster.js';
import { changeKept, readKept } from './kept-value.js';

/*
 * How long the last runs of each flow and of its steps took, for the time that people still have to wait. Kept in a ConfigMap
 * in the workers' own namespace, because Redis may be emptied and workers come and go.
 */

const runsKept = 15;

const milliseconds = z.array(z.number().int().nonnegative()).max(100);
const flowDurations = z.object({ total: milliseconds, steps: z.record(z.string().max(60), milliseconds) });
const durations = z.record(z.string().max(30), flowDurations);
type Durations = z.infer<typeof durations>;
const kept = { name: 'vcdemo.durations' as const, key: 'durations', schema: durations };

/** One run of a flow, in milliseconds. */
interface RunDurations {
  totalMs: number;
  stepMs: Readonly<Record<string, number>>;
}

/** The medians of the last runs; undefined if there were none. */
export async function usualDurations(host: Cluster, flow: string): Promise<RunDurations | undefined> {
  const { total, steps } = (await readKept(host, kept))?.[flow] ?? { total: [], steps: {} };
  if (total.length === 0) return undefined;
  const medians = Object.entries(steps).map(([step, times]) => [step, medianOf(times)] as const);
  return { totalMs: medianOf(total), stepMs: Object.fromEntries(medians) };
}

/** Adds a run. If many workers do so at the same time, some of the runs are not kept. */
export async function noteDurations(host: Cluster, flow: string, run: RunDurations): Promise<void> {
  await changeKept(host, kept, (durations = {}) => ({ ...durations, [flow]: withRun(durations[flow], run) }));
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
