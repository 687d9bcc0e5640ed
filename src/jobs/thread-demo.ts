import type { JobName } from '../commands/job-payloads.js';
import { listDemos } from '../k8s/demo/demo-record.js';
import type { Demo } from '../k8s/demo/demo.js';
import { UnknownDemo } from './find-demo.js';
import { withHost } from './host-cluster.js';
import type { JobRun } from './job-run.js';

/**
 * The run with the demo that is meant: for a command without a name that was written under the card of a demo, that demo.
 * @throws UnknownDemo if the message above is no card here; a create then makes a demo as usual, in the host cluster that is
 * asked last
 */
export async function withDemoOfThread(run: JobRun<JobName>): Promise<JobRun<JobName>> {
  const { payload, name, config, log } = run;
  if (!('ofThread' in payload && payload.ofThread)) return run;
  const { channelId, thread } = payload.requester;
  const { demos } = await withHost(run, listDemos);
  const demo = demos.find((each) => isCardAt(each, channelId, thread));
  const isNamed = 'isUnnamed' in payload && { isUnnamed: false };
  if (demo)
    return { ...run, log: log.child({ demo: demo.name }), payload: { ...payload, demo: demo.name, ...isNamed } };
  const isLast = payload.searched === undefined || payload.searched.at(-1) === config.hostCluster;
  if (isLast && (name === 'create' || name === 'preflight')) return run;
  throw new UnknownDemo(
    'The message above is not the card of a demo.',
    { hostCluster: undefined },
    demos.map((each) => each.name),
  );
}

/** Whether the message is the card of the demo. */
export const isCardAt = ({ card }: Demo, channel: string, ts: string | undefined): boolean =>
  card?.channel === channel && card.ts === ts;
