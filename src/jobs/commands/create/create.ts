import { messageOf, Refusal } from '../../../errors.js';
import { assertOwnClaims, claimNamespace } from '../../../k8s/claim.js';
import type { Cluster } from '../../../k8s/cluster.js';
import { findDemo, markDemo, planDemo, withMissingPlaces, type Demo } from '../../../k8s/demo.js';
import { requireDemoKubeconfig } from '../../../k8s/kubeconfig.js';
import { FlowError } from '../../flow.js';
import { withClaimedDemo, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { FlowFailed, runReportedFlow } from '../../run-flow.js';
import { beingWorkedOnMessage, failureMessage, kubeconfigName, message, onCluster } from '../../slack/messages.js';
import { createFlow } from './flow.js';
import { alreadyThereMessage, createdText } from './messages.js';

type CreateRun = JobRun<'create'>;

/** Makes a demo, resumes one that was cut off or failed, and hands out its kubeconfig. */
export const create: Handler<'create'> = (run) =>
  withClaimedDemo(
    run,
    (holder) => run.slack.whisper(run.payload.requester, beingWorkedOnMessage(run.payload.demo, holder)),
    (claimed) => createClaimed(run, claimed),
  );

async function createClaimed(run: CreateRun, claimed: ClaimedHost): Promise<void> {
  const { payload, slack } = run;
  const { host } = claimed;
  const present = await findDemo(host, payload.demo);
  if (present?.state === 'deleting')
    throw new Refusal('demo-being-deleted', `Demo ${present.name} was being deleted.`, {
      hint: `Run \`/vcdemo delete ${present.name}\` again to finish that, then create it anew.`,
    });
  if (present) assertOwnClaims(host, present);
  // A run that was cut off at the very end still owes the kubeconfig.
  if (present?.state === 'ready' && !run.resumed)
    return await slack.whisper(payload.requester, alreadyThereMessage(present));

  const demo = present ? withMissingPlaces(present) : newDemo(run, claimNamespace(host));
  if (present?.state === 'failed') await markDemo(host, present, 'creating');
  try {
    await runReportedFlow({
      run,
      claimed,
      demo,
      flow: createFlow,
      title: `Creating demo *${demo.name}*${onCluster(run.config)}`,
      audience: payload.requester,
    });
  } catch (error) {
    throw error instanceof FlowError ? await noteFailure(run, host, demo, error) : error;
  }
  await markDemo(host, demo, 'ready');
  await deliver(run, host, demo);
}

function newDemo({ payload, config }: CreateRun, claims: string): Demo {
  const { requester, demo: name, ttlMs = config.ttl.default } = payload;
  return planDemo({
    name,
    owner: { id: requester.userId, name: requester.userName },
    channel: requester.channelId,
    now: new Date(),
    ttlMs: Math.min(ttlMs, config.ttl.max),
    claimNamespace: claims,
  });
}

async function noteFailure({ payload }: CreateRun, host: Cluster, demo: Demo, error: FlowError): Promise<FlowFailed> {
  const made = await findDemo(host, demo.name);
  if (made) await markDemo(host, made, 'failed', error.message);
  const resume = made ? `What was made is kept: \`/vcdemo create ${demo.name}\` resumes it.` : 'Nothing was made.';
  return new FlowFailed(error, {
    title: `Creating demo *${demo.name}* failed`,
    hint: [error.hint, resume].filter(Boolean).join('\n'),
    audience: payload.requester,
  });
}

/** The kubeconfig goes to the channel; a file that cannot be sent does not make the demo a failure. */
async function deliver(run: CreateRun, host: Cluster, demo: Demo): Promise<void> {
  const { slack, payload, config, log } = run;
  const file = {
    filename: kubeconfigName(demo.name),
    content: await requireDemoKubeconfig(host, demo),
    title: `kubeconfig of ${demo.name}`,
    comment: createdText(config, demo, Date.now() - run.askedAt.getTime()),
  };
  try {
    const where = await slack.shareFile(payload.requester, file);
    if (where === 'direct')
      await slack.whisper(
        payload.requester,
        message(
          `The kubeconfig of demo *${demo.name}* was sent to you alone: people of other companies read this channel.`,
        ),
      );
  } catch (error) {
    log.error({ err: error }, 'The kubeconfig was not sent');
    await slack.post(
      payload.requester,
      failureMessage({
        title: `Demo *${demo.name}* is ready, but its kubeconfig could not be sent`,
        reasons: [messageOf(error)],
        hint: `Check that the bot has the scope files:write and is in the channel; \`/vcdemo kubeconfig ${demo.name}\` gives you a kubeconfig of your own.`,
        jobId: run.id,
      }),
    );
  }
}
