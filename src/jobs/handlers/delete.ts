import { assertMayDelete, assertMayUse } from '../../access.js';
import { claimDemo, isHolder } from '../../k8s/claim.js';
import { findDemo, markDemo, type Demo } from '../../k8s/demo.js';
import type { Requester } from '../definitions.js';
import { deleteFlow } from '../flows/delete.js';
import { FlowError } from '../flow.js';
import { claimNamespace, requireDemo, withHost, type Handler, type JobRun } from '../job.js';
import { beingWorkedOnMessage, failureMessage, message, onCluster } from '../messages.js';
import { runReported } from '../run-reported.js';

/** Deletes a demo, of which only a part may have been made, and says what is left, if anything. */
export const deleteDemo: Handler<'delete'> = async (run) => {
  const { payload, config } = run;
  assertMayUse(config.access, payload.requester);
  await remove(run, {
    purpose: 'delete',
    requester: payload.requester,
    accept: (demo) => assertMayDelete(config.access, payload.requester.userId, demo),
    busy: (text) => run.slack.whisper(payload.requester, text),
    says: (demo) => ({
      doing: `Deleting demo *${demo}*${onCluster(config)}`,
      done: `Demo *${demo}* is deleted, nothing is left of it.`,
    }),
  });
};

/** Deletes a demo whose time is over; its channel is told. */
export const expire: Handler<'expire'> = async (run) => {
  const demo = await withHost(run, { signal: run.signal }, (host) => findDemo(host, run.payload.demo));
  if (!demo || demo.expires.getTime() > Date.now()) return; // deleted or extended since the sweep
  await remove(run, {
    purpose: 'expire',
    requester: { channelId: demo.channel, userId: demo.owner.id },
    accept: () => undefined,
    busy: async () => run.log.info({ demo: demo.name }, 'an expired demo is being worked on; the next sweep comes'),
    says: (name) => ({
      doing: `Deleting demo *${name}*, its time is over`,
      done: `Demo *${name}* had expired and is deleted, nothing is left of it.`,
    }),
  });
};

interface Removal {
  purpose: string;
  requester: Pick<Requester, 'channelId' | 'userId'>;
  /** Throws when the person may not. */
  accept(demo: Demo): void;
  busy(text: ReturnType<typeof message>): Promise<void>;
  says(demo: string): { doing: string; done: string };
}

async function remove(
  run: JobRun<'delete'> | JobRun<'expire'>,
  { purpose, requester, accept, busy, says }: Removal,
): Promise<void> {
  const name = run.payload.demo;
  await withHost(run, { signal: run.signal }, async (host) => {
    // A run that was cut off after the last namespace went still owes the answer.
    const demo = run.resumed ? await findDemo(host, name) : await requireDemo(host, run);
    if (!demo) return void (await run.slack.post(requester, message(`:wastebasket: ${says(name).done}`)));
    accept(demo);
    const claim = await claimDemo({
      host,
      namespace: claimNamespace(host),
      demo: name,
      purpose,
      jobId: run.id,
      signal: run.signal,
    });
    if (isHolder(claim)) return await busy(beingWorkedOnMessage(name, claim));
    try {
      claim.assertHeld();
      await markDemo(host, demo, 'deleting');
      await runReported({ run, claim, demo, flow: deleteFlow, title: says(name).doing, requester });
      await run.slack.post(requester, message(`:wastebasket: ${says(name).done}`));
    } catch (error) {
      if (error instanceof FlowError) await reportFailure(run, requester, error);
      throw error;
    } finally {
      await claim.release();
    }
  });
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
      hint: error.hint ?? `Remove what keeps it, then run \`/vcdemo delete ${run.payload.demo}\` again.`,
      jobId: run.id,
      mention: requester.userId,
    }),
  );
}
