import { assertMayDelete, assertMayUse } from '../../access.js';
import type { Claim } from '../../k8s/claim.js';
import type { Cluster } from '../../k8s/cluster.js';
import { findDemo, markDemo, problemOf, type Demo } from '../../k8s/demo.js';
import type { Requester } from '../definitions.js';
import { isExpired } from '../expired.js';
import { deleteFlow } from '../flows/delete.js';
import { FlowError } from '../flow.js';
import { assertOwnClaims, requireDemo, underClaim, withHost, type Handler, type JobRun } from '../job.js';
import { beingWorkedOnMessage, failureMessage, message, onCluster } from '../messages.js';
import { runReported } from '../run-reported.js';

/** Deletes a demo, of which only a part may have been made, and says what is left, if anything. */
export const deleteDemo: Handler<'delete'> = async (run) => {
  const { payload, config, slack, signal } = run;
  const { requester, demo: name } = payload;
  assertMayUse(config.access, requester);
  const removeClaimed = async (host: Cluster, claim: Claim) => {
    // A run that was cut off after the last namespace went still owes the answer.
    const demo = run.resumed ? await findDemo(host, name) : await requireDemo(host, run);
    if (demo) {
      assertMayDelete(config.access, requester.userId, demo);
      await remove(run, { host, claim, demo, requester, title: `Deleting demo *${name}*${onCluster(config)}` });
    }
    await slack.post(requester, message(`:wastebasket: Demo *${name}* is deleted, nothing is left of it.`));
  };
  await withHost(run, { signal }, (host) =>
    underClaim(run, {
      host,
      purpose: 'delete',
      busy: (holder) => slack.whisper(requester, beingWorkedOnMessage(name, holder)),
      work: (claim) => removeClaimed(host, claim),
    }),
  );
};

/** Deletes a demo whose time is over; its channel is told. */
export const expire: Handler<'expire'> = async (run) => {
  const { payload, slack, signal, log } = run;
  const name = payload.demo;
  const removeClaimed = async (host: Cluster, claim: Claim) => {
    const demo = await findDemo(host, name);
    if (!demo || !isExpired(demo)) return; // deleted or extended since somebody looked
    const requester = { channelId: demo.channel, userId: demo.owner.id };
    const title = `Deleting demo *${name}*, its time is over`;
    await remove(run, { host, claim, demo, requester, title, isRepeated: demo.state === 'deleting' });
    await slack.post(
      requester,
      message(`:wastebasket: Demo *${name}* had expired and is deleted, nothing is left of it.`),
    );
  };
  await withHost(run, { signal }, (host) =>
    underClaim(run, {
      host,
      purpose: 'expire',
      busy: async () => log.info({ demo: name }, 'an expired demo is being worked on; the next sweep comes'),
      work: (claim) => removeClaimed(host, claim),
    }),
  );
};

interface Removal {
  host: Cluster;
  claim: Claim;
  demo: Demo;
  requester: Pick<Requester, 'channelId' | 'userId'>;
  title: string;
  /** An earlier attempt of vcdemo's own failed: the channel hears of this one only if there is something new. */
  isRepeated?: boolean;
}

async function remove(
  run: JobRun<'delete'> | JobRun<'expire'>,
  { host, claim, demo, requester, title, isRepeated = false }: Removal,
): Promise<void> {
  assertOwnClaims(host, demo);
  claim.assertHeld();
  if (!isRepeated) await markDemo(host, demo, 'deleting');
  try {
    await runReported({ run, claim, demo, flow: deleteFlow, title, requester, isQuiet: isRepeated });
  } catch (error) {
    if (error instanceof FlowError) {
      if (!isRepeated || demo.problem !== problemOf(error.message)) await reportFailure(run, requester, error);
      claim.assertHeld();
      await markDemo(host, demo, 'deleting', error.message);
    }
    throw error;
  }
}

async function reportFailure(
  run: JobRun<'delete'> | JobRun<'expire'>,
  requester: Removal['requester'],
  error: FlowError,
): Promise<void> {
  await run.slack.post(
    requester,
    failureMessage({
      title: `Deleting demo *${run.payload.demo}* did not end`,
      reasons: error.message.split('\n'),
      hint:
        error.hint ??
        `Remove what keeps it: Kubernetes then deletes the rest by itself. \`/vcdemo delete ${run.payload.demo}\` tries again and looks.`,
      jobId: run.id,
      mention: requester.userId,
    }),
  );
}
