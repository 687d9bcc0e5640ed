import { hasEnded } from '../../../k8s/demo/demo-record.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { requireDemo } from '../../find-demo.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { tellHolder } from '../../tell-holder.js';
import { assertShown } from '../question.js';
import { onCluster } from '../../slack/messages.js';
import { goneMessage } from './messages.js';
import { removeDemo } from './remove-demo.js';

/** Deletes a demo, even one that was only partly created, and says what is left, if anything. */
export const deleteDemo: Handler<'delete'> = (run) =>
  withClaimedDemo(run, tellHolder(run), (claimed) => deleteClaimed(run, claimed));

async function deleteClaimed(run: JobRun<'delete'>, claimed: ClaimedHost): Promise<void> {
  const { config, payload } = run;
  const { requester, demo: name } = payload;
  // A run that was interrupted at its very end still has to answer.
  if (await hasEnded(claimed.host, name, run.id))
    return claimed.tell(() => run.slack.post(requester, goneMessage(name)));
  const demo = await requireDemo(claimed.host, run);
  assertShown(demo, payload.shown);
  const title = mrkdwn`Deleting demo *${name}*${onCluster(config)}`;
  await removeDemo(run, { claimed, demo, audience: requester, title, how: 'has been' });
}
