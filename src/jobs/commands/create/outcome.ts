import { commandLine } from '../../../commands/command-line.js';
import { changeExisting, findDemo, forgetDemo, markDemo } from '../../../k8s/demo/demo-record.js';
import type { Cancelled } from '../../../k8s/demo/claim.js';
import { problemOf, withAudit, type Demo } from '../../../k8s/demo/demo.js';
import { withDone } from '../../../k8s/demo/done-jobs.js';
import { audit } from '../../audit.js';
import type { FlowCard } from '../../demo-card.js';
import type { FlowError } from '../../flow.js';
import { brokenByHost, noteBroken } from '../../host-trouble.js';
import type { ClaimedHost } from '../../host-cluster.js';
import type { JobRun } from '../../job-run.js';
import { FlowFailed } from '../../run-flow.js';
import { emptyButtons, failedButtons } from '../../slack/demo-buttons.js';
import { kindOfCreate } from '../../slack/messages.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { cancelledMessage } from './messages.js';
import { notSentHint, notSentTitle } from './deliver.js';

/* How a create that does not succeed ends. */

type CreateRun = JobRun<'create'>;

/** Whether the demo is ready, and only its kubeconfig could not be sent. */
export const isUndelivered = ({ failed }: FlowError): boolean => failed.every(({ step }) => step === 'delivery');

/** Records why a create failed, and shows it on the card; what was created stays. `verb` says what it did: `Creating`. */
export async function noteFailure(
  run: CreateRun,
  { host, unclaimed, tell }: ClaimedHost,
  demo: Demo,
  { verb, error, card }: { verb: string; error: FlowError; card: FlowCard },
): Promise<FlowFailed> {
  const audience = run.payload.requester;
  if (isUndelivered(error)) {
    tell(() => card.settleReady());
    return new FlowFailed(error, { title: notSentTitle(demo), hint: error.hint ?? notSentHint(demo), audience, card });
  }
  const made = await findDemo(host, demo.name);
  const isEmpty = made === undefined || made.places.length === 0;
  if (isEmpty) await forgetDemo(host, demo);
  else await markDemo(host, made, 'failed', error.message);
  const resume = isEmpty
    ? 'Nothing was created.'
    : `What was created is kept: ${commandLine(demo, 'create')} resumes it.`;
  const isUsable = !isEmpty && !error.failed.some(({ step }) => beforeVirtualClusters.includes(step));
  const use =
    isUsable && `${commandLine(demo, 'kubeconfig')} gives the owner a kubeconfig for the virtual clusters as they are.`;
  const title = mrkdwn`${verb} demo *${demo.name}* failed`;
  const hint = [error.hint, resume, use].filter(Boolean).join('\n');
  tell(() => card.fail(error, { title, hint, actions: isEmpty ? emptyButtons(demo) : failedButtons(demo) }));
  const broken = brokenByHost(error);
  if (broken) tell(() => noteBroken(run, unclaimed, made ?? demo, broken));
  return new FlowFailed(error, { title, hint, audience, card });
}

/** What was made stays. It may have been ready by the time when the job noticed. */
export async function noteCancelled(
  run: CreateRun,
  claimed: ClaimedHost,
  demo: Demo,
  { by }: Cancelled,
  card: FlowCard,
): Promise<void> {
  const { id, log, slack, payload } = run;
  const what = `cancelled its ${kindOfCreate(demo)}`;
  const { unclaimed: host } = claimed; // it may have been released to tell people that it is ready
  const made = await findDemo(host, demo.name);
  const isEmpty = made === undefined || made.places.length === 0;
  if (made && isEmpty) await forgetDemo(host, made);
  if (made && !isEmpty)
    await changeExisting(host, made, (current) => {
      const noted = withDone(withAudit(current, { at: host.now(), by, what }), id);
      return current.state === 'creating'
        ? { ...noted, state: 'failed', problem: problemOf('it was cancelled') }
        : noted;
    });
  if (made) await audit(log, host, made, { act: 'cancelled', by, what });
  const left = isEmpty ? 'empty' : made.state === 'creating' ? 'part' : 'ready';
  const said = cancelledMessage(demo, by, left);
  claimed.tell(() => (left === 'ready' ? card.settleReady() : card.settle(said)));
  // A card that is edited notifies nobody.
  claimed.tell(() => slack.reply(card.place(), payload.requester, said));
}

/** The steps without which nothing can be used. */
const beforeVirtualClusters = ['preflight', 'hostNamespace', 'virtualCluster'];
