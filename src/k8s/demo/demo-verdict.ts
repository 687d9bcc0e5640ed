import type { Cluster } from '../client/cluster.js';
import { changeExisting } from './demo-record.js';
import { problemOf, type Demo, type VerdictOutcome } from './demo.js';
import { isVerifyDue } from './demo-life.js';
import { withDone } from './done-jobs.js';

/* What verify leaves in the record of a demo: its last verdict, and how often it runs by itself. */

/** Records what a verify found; `isTold` is whether the channel has heard of it. */
export const noteVerdict = (
  host: Cluster,
  demo: Demo,
  verdict: NonNullable<Demo['verdict']>,
  { isTold }: { isTold: boolean },
): Promise<Demo | undefined> =>
  changeExisting(host, demo, (current) => ({
    ...current,
    verdict: { ...verdict, reason: problemOf(verdict.reason) },
    schedule: current.schedule && { ...current.schedule, ...(isTold && { told: verdict.outcome }) },
  }));

/** Records that the channel has heard of a verdict that was recorded before. */
export const noteTold = (host: Cluster, demo: Demo, told: VerdictOutcome): Promise<Demo | undefined> =>
  changeExisting(host, demo, (current) => ({
    ...current,
    schedule: current.schedule && { ...current.schedule, told },
  }));

/** Records how often the demo's mesh is verified by itself, beginning now; undefined ends that. The job is over with it. */
export const noteSchedule = (
  host: Cluster,
  demo: Demo,
  everyMs: number | undefined,
  jobId: string,
): Promise<Demo | undefined> =>
  changeExisting(host, demo, (current) => ({
    ...withDone(current, jobId),
    schedule: everyMs === undefined ? undefined : { everyMs, last: host.now(), told: current.schedule?.told },
  }));

/**
 * Records that the verify that is due begins, so that no other worker does it too; undefined if another was faster, or none
 * is due any more.
 */
export async function beginDueVerify(host: Cluster, demo: Demo): Promise<Demo | undefined> {
  let isOurs = false;
  const changed = await changeExisting(host, demo, (current) => {
    const { schedule } = current;
    isOurs = isVerifyDue(current, host.now());
    return isOurs && schedule ? { ...current, schedule: { ...schedule, last: host.now() } } : current;
  });
  return isOurs ? changed : undefined;
}
