import { changeExisting, findDemo } from '../../../k8s/demo/demo-record.js';
import { isDue, isExpired } from '../../../k8s/demo/demo-life.js';
import { isOver } from '../../../k8s/demo/done-jobs.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { removeDemo } from './remove-demo.js';

/** Deletes a demo that has expired, and tells its channel. */
export const expire: Handler<'expire'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('expired demo is busy; the next sweep will retry'),
    (claimed) => expireClaimed(run, claimed),
  );

async function expireClaimed(run: JobRun<'expire'>, claimed: ClaimedHost): Promise<void> {
  const { host } = claimed;
  const demo = await findDemo(host, run.payload.demo);
  // It may have been deleted, extended or created again since it was last checked.
  if (!demo || !isDue(demo, host.now()) || isOver(demo, run)) return;
  // It may be extended at this moment: the same write decides.
  const due = await changeExisting(host, demo, (current) =>
    isDue(current, host.now()) ? { ...current, state: 'deleting' } : current,
  );
  if (!due || !isDue(due, host.now())) return;
  const audience = { channelId: demo.channel, userId: demo.owner.id };
  const title = mrkdwn`Deleting demo *${demo.name}*, which has expired`;
  const how = isExpired(demo, host.now()) ? 'expired and has been' : 'has been';
  await removeDemo(run, { claimed, demo, audience, title, how, isRepeated: demo.state === 'deleting' });
}
