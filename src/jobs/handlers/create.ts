import { assertMayUse } from '../../access.js';
import { messageOf, UserError } from '../../errors.js';
import type { Claim } from '../../k8s/claim.js';
import type { Cluster } from '../../k8s/cluster.js';
import { findDemo, markDemo, planDemo, withMissingPlaces, type Demo } from '../../k8s/demo.js';
import { requireDemoKubeconfig } from '../../k8s/kubeconfig.js';
import { createFlow } from '../flows/create.js';
import { FlowError } from '../flow.js';
import { assertOwnClaims, claimNamespace, underClaim, withHost, type Handler, type JobRun } from '../job.js';
import {
  alreadyThereMessage,
  beingWorkedOnMessage,
  createdText,
  failureMessage,
  kubeconfigName,
  onCluster,
} from '../messages.js';
import { runReported } from '../run-reported.js';

type CreateRun = JobRun<'create'>;

/** Makes a demo, resumes one that was cut off or failed, and hands out its kubeconfig. */
export const create: Handler<'create'> = async (run) => {
  const { payload, config, signal } = run;
  assertMayUse(config.access, payload.requester);
  await withHost(run, { signal }, (host) =>
    underClaim(run, {
      host,
      purpose: 'create',
      busy: (holder) => run.slack.whisper(payload.requester, beingWorkedOnMessage(payload.demo, holder)),
      work: (claim) => createClaimed(run, host, claim),
    }),
  );
};

async function createClaimed(run: CreateRun, host: Cluster, claim: Claim): Promise<void> {
  const { payload } = run;
  const present = await findDemo(host, payload.demo);
  if (present?.state === 'deleting')
    throw new UserError('demo-being-deleted', `Demo ${present.name} was being deleted.`, {
      hint: `Run \`/vcdemo delete ${present.name}\` again to end that, then create it anew.`,
    });
  if (present) assertOwnClaims(host, present);
  // A run that was cut off after the end still owes the kubeconfig.
  if (present?.state === 'ready' && !run.resumed)
    return await run.slack.whisper(payload.requester, alreadyThereMessage(present));

  const demo = present ? withMissingPlaces(present) : newDemo(run, claimNamespace(host));
  if (present?.state === 'failed') await markDemo(host, present, 'creating');
  try {
    await runReported({
      run,
      claim,
      demo,
      flow: createFlow,
      title: `Creating demo *${demo.name}*${onCluster(run.config)}`,
      requester: payload.requester,
    });
  } catch (error) {
    if (error instanceof FlowError) await reportFailure(run, host, claim, demo, error);
    throw error;
  }
  claim.assertHeld();
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

async function reportFailure(run: CreateRun, host: Cluster, claim: Claim, demo: Demo, error: FlowError): Promise<void> {
  const made = await findDemo(host, demo.name);
  claim.assertHeld();
  if (made) await markDemo(host, made, 'failed', error.message);
  const resume = made ? `What was made is kept: \`/vcdemo create ${demo.name}\` resumes it.` : 'Nothing was made.';
  await run.slack.post(
    run.payload.requester,
    failureMessage({
      title: `Creating demo *${demo.name}* failed`,
      reasons: error.message.split('\n'),
      hint: [error.hint, resume].filter(Boolean).join('\n'),
      jobId: run.id,
      mention: run.payload.requester.userId,
    }),
  );
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
      await slack.whisper(payload.requester, {
        text: `The kubeconfig of demo ${demo.name} was sent to you alone: people of other companies read this channel.`,
        blocks: [],
      });
  } catch (error) {
    log.error({ err: error }, 'the kubeconfig was not sent');
    await slack.post(
      payload.requester,
      failureMessage({
        title: `Demo *${demo.name}* is ready, but its kubeconfig could not be sent`,
        reasons: [messageOf(error)],
        hint: `Check the bot's scope files:write and that it is in the channel; \`/vcdemo kubeconfig ${demo.name}\` gives you one of your own.`,
        jobId: run.id,
      }),
    );
  }
}
