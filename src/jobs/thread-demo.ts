import type { JobName } from '../commands/job-payloads.js';
import { listDemos } from '../k8s/demo/demo-record.js';
import type { Demo } from '../k8s/demo/demo.js';
import { UnknownDemo } from './find-demo.js';
import { withHost } from './host-cluster.js';
import type { JobRun } from './job-run.js';

/**
 * The run with the demo that is meant: for a command without a name that was written under the card of a demo, that demo.
 * @throws UnknownDemo if the message above is no card; a create then makes a demo as usual
 */
export async function withDemoOfThread(run: JobRun<JobName>): Promise<JobRun<JobName>> {
  const { payload, name } = run;
  if (!('ofThread' in payload && payload.ofThread)) return run;
  const { channelId, thread } = payload.requester;
  const { demos } = await withHost(run, listDemos);
  const demo = demos.find((each) => isCardOf(each, channelId, thread));
  if (demo) return { ...run, payload: { ...payload, demo: demo.name } };
  if (name === 'create') return run;
  throw new UnknownDemo(
    'The message above is not the card of a demo.',
    { hostCluster: undefined },
    demos.map((each) => each.name),
  );
}

const isCardOf = ({ card }: Demo, channel: string, ts: string | undefined): boolean =>
  card?.channel === channel && card.ts === ts;
