import { findDemo } from '../../../k8s/demo-record.js';
import { isDue, isExpired, isOver } from '../../../k8s/demo.js';
import { findKeptVolumes } from '../../../k8s/removal.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { deletedMessage } from './message.js';
import { removeDemo } from './remove-demo.js';

/** Deletes a demo that has expired; its channel is told. */
export const expire: Handler<'expire'> = (run) =>
  withClaimedDemo(
    run,
    async () => run.log.info('The expired demo is busy; the next sweep tries again'),
    (claimed) => expireClaimed(run, claimed),
  );

async function expireClaimed(run: JobRun<'expire'>, claimed: ClaimedHost): Promise<void> {
  const demo = await findDemo(claimed.host, run.payload.demo);
  // Deleted, extended or made anew since somebody looked.
  if (!demo || !isDue(demo) || isOver(demo, run)) return;
  const audience = { channelId: demo.channel, userId: demo.owner.id };
  const title = `Deleting demo *${demo.name}*, which has expired`;
  await removeDemo(run, { claimed, demo, audience, title, isRepeated: demo.state === 'deleting' });
  const kept = await findKeptVolumes(claimed.host, demo);
  await run.slack.post(audience, deletedMessage(demo.name, isExpired(demo) ? 'had expired and is' : 'is', kept));
}
