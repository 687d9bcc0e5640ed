import type { JobName } from '../../../commands/job-payloads.js';
import { messageOf } from '../../../errors.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { changeExisting, findDemo } from '../../../k8s/demo/demo-record.js';
import type { Demo } from '../../../k8s/demo/demo.js';
import { idleEnd, isLookDue, withOwnTraces, withTraces } from '../../../k8s/demo/idle.js';
import { takeDemoRights } from '../../../k8s/permissions/demo-rights.js';
import { readTraces } from '../../../k8s/mesh/traces.js';
import { bothClusters, type DemoContext } from '../../context.js';
import { withDemoContext, withHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';

/** Looks whether a demo is used. It takes no claim: it reads, and notes what it saw in one write. */
export const look: Handler<'look'> = (run) =>
  withHost(run, async (host) => {
    const demo = await findDemo(host, run.payload.demo);
    if (demo && isLookDue(demo, run.config, host.now())) await lookAtTraces(run, host, demo, run.signal);
  });

/** Notes what use has left since the last look; undefined if that cannot be found out, or the demo was deleted meanwhile. */
export const lookAtTraces = (
  run: JobRun<'look'> | JobRun<'autopause'>,
  host: Cluster,
  demo: Demo,
  signal: AbortSignal,
): Promise<Demo | undefined> => withDemoContext(run, { host, demo, signal }, (context) => noteTraces(run, context));

async function noteTraces(
  { metrics, log }: Pick<JobRun<JobName>, 'metrics' | 'log'>,
  context: DemoContext,
): Promise<Demo | undefined> {
  const { host, demo, config, signal } = context;
  const outcome = (found: 'used' | 'unused' | 'unknown') => metrics.idleLooks.inc({ outcome: found });
  let seen: string;
  try {
    for (const place of demo.places) await takeDemoRights({ ...context, place }, signal);
    seen = await tracesIn(context);
  } catch (error) {
    signal.throwIfAborted();
    outcome('unknown');
    log.warn({ reason: messageOf(error) }, 'cannot tell whether the demo is used');
    return undefined;
  }
  const now = host.now();
  const noted = await changeExisting(host, demo, (current) => withTraces(current, seen, config, now));
  outcome(noted?.used?.getTime() === now.getTime() ? 'used' : 'unused');
  return noted;
}

const tracesIn = async (context: DemoContext): Promise<string> =>
  readTraces(Object.values(await bothClusters(context)), context.signal, context.config);

/** Does something in a demo that leaves traces and is no use of it. */
export async function asOwnTraffic<Result>(
  run: JobRun<'reverify'>,
  context: DemoContext,
  act: () => Promise<Result>,
): Promise<Result> {
  const { host, demo, config, signal } = context;
  if (idleEnd(demo, config) === undefined) return await act();
  await noteTraces(run, context);
  const result = await act();
  try {
    const left = await tracesIn(context);
    await changeExisting(host, demo, (current) => withOwnTraces(current, left));
  } catch (error) {
    signal.throwIfAborted();
    run.log.warn({ reason: messageOf(error) }, 'cannot tell what the scheduled verify changed; it counts as use');
  }
  return result;
}
