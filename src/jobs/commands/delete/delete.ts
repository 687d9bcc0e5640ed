import { mrkdwn } from '../../../mrkdwn.js';
import { assertNotOver, findCommandDemo, requireDemo } from '../../find-demo.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { beingWorkedOnMessage, onCluster } from '../../slack/messages.js';
import { deletedMessage } from './messages.js';
import { removeDemo } from './remove-demo.js';

/** Deletes a demo, even one that was only partly created, and says what is left, if anything. */
export const deleteDemo: Handler<'delete'> = (run) =>
  withClaimedDemo(
    run,
    (holder) => run.slack.whisper(run.payload.requester, beingWorkedOnMessage(run.payload.demo, holder)),
    (claimed) => deleteClaimed(run, claimed),
  );

async function deleteClaimed(run: JobRun<'delete'>, claimed: ClaimedHost): Promise<void> {
  const { config, slack, payload } = run;
  const { requester, demo: name } = payload;
  // A run that was interrupted after the last namespace was gone still has to answer.
  const demo = await (run.resumed ? findCommandDemo : requireDemo)(claimed.host, run);
  const how = 'has been';
  if (!demo) return void (await slack.post(requester, deletedMessage(name, how, [])));
  assertNotOver(run, demo);
  const title = mrkdwn`Deleting demo *${name}*${onCluster(config)}`;
  await removeDemo(run, { claimed, demo, audience: requester, title, how });
}
