import { roleOf } from '../../../access.js';
import { isPairName } from '../../../commands/payload.js';
import { messageOf, Refusal } from '../../../errors.js';
import { ApiError, isPassing, lacksRight } from '../../../k8s/api-errors.js';
import { claimNamespace } from '../../../k8s/managed-by.js';
import type { Cluster } from '../../../k8s/cluster.js';
import {
  beginWork,
  changeExisting,
  findDemo,
  forgetDemo,
  isGone,
  listDemos,
  markDemo,
} from '../../../k8s/demo-record.js';
import { Cancelled } from '../../../k8s/claim.js';
import {
  firstPlace,
  isResumed,
  planDemo,
  problemOf,
  withAudit,
  withDone,
  withMissingPlaces,
  type Demo,
} from '../../../k8s/demo.js';
import { restoreNamespaceLabels } from '../../../k8s/host-namespace.js';
import { assertAdmission } from '../../../k8s/isolation/admission-proof.js';
import { weakenedBy } from '../../../k8s/isolation/notes.js';
import { requireDemoKubeconfig } from '../../../k8s/kubeconfig.js';
import { claimPair, ofPair } from '../../../k8s/pool.js';
import { assertPermissions } from '../../../k8s/permission-check.js';
import { audit, credentialAct } from '../../audit.js';
import { assertNotEnded, assertNotOver, findCommandDemo } from '../../find-demo.js';
import { openFlowCard, type FlowCard } from '../../demo-card.js';
import { FlowError } from '../../flow.js';
import { brokenByHost, noteBroken } from '../../host-trouble.js';
import { withClaimedDemo, withHost, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { FlowFailed, inspectDemo, runReportedFlow } from '../../run-flow.js';
import { tellHolder } from '../../tell-holder.js';
import { emptyButtons, failedButtons } from '../../slack/card/card-buttons.js';
import { beingWorkedOnMessage, failureMessage, kubeconfigName, message, onCluster } from '../../slack/messages.js';
import { mrkdwn, type Mrkdwn } from '../../../mrkdwn.js';
import type { SlackFile } from '../../slack/file-as-text.js';
import type { SharedFile } from '../../slack/slack.js';
import { noteFiles, recorded } from '../../slack/files.js';
import { assertNoMaintenance } from '../maintenance.js';
import { assertNotBeingDeleted } from './being-deleted.js';
import { createFlow, readyFlow } from './flow.js';
import { assertWithinLimits } from './limits.js';
import { alreadyThereMessage, cancelledMessage, createdText, deletedUnseenMessage } from './messages.js';

type CreateRun = JobRun<'create'>;

/** Creates a demo, or the missing parts of one that was interrupted, failed or lost a part, and sends its kubeconfig. */
export const create: Handler<'create'> = (run) =>
  namingAllPermissions(run, () => (run.payload.isUnnamed ? createUnnamed(run) : createNamed(run)));

const createNamed = (run: CreateRun): Promise<void> =>
  withClaimedDemo(run, tellHolder(run), (claimed) => createClaimed(run, claimed));

const mostNames = 200;

/**
 * Creates a demo with the default name or, if that is taken, with the first free number behind it. Only who holds the claim on
 * a name knows whether it is free.
 * @throws Refusal `no-free-name`
 */
async function createUnnamed(run: CreateRun): Promise<void> {
  const { payload, slack } = run;
  const { requester, demo: wanted } = payload;
  const isTaken = (demo: Demo | undefined) =>
    demo !== undefined && (demo.owner.id !== requester.userId || ['ready', 'paused', 'deleting'].includes(demo.state));
  const { demos, unreadable } = await withHost(run, listDemos);
  const begun = demos.find((demo) => isResumed(demo, run));
  const taken = new Set([...demos.filter(isTaken), ...unreadable].map(({ name }) => name));
  const numbered = Array.from({ length: mostNames }, (_, index) => (index === 0 ? wanted : `${wanted}-${index + 1}`));
  for (const name of begun ? [begun.name] : numbered.filter((each) => !taken.has(each))) {
    const named = { ...run, payload: { ...payload, demo: name } };
    let isOver = true;
    await withClaimedDemo(
      named,
      async (holder) => {
        const present = await withHost(run, (host) => findDemo(host, name));
        isOver = begun !== undefined || present?.owner.id === requester.userId;
        if (isOver) await slack.whisper(requester, beingWorkedOnMessage(name, holder));
      },
      async (claimed) => {
        isOver = begun !== undefined || !isTaken(await findDemo(claimed.host, name));
        if (isOver) await createClaimed(named, claimed);
      },
    );
    if (isOver) return;
  }
  throw new Refusal('no-free-name', `All names from ${wanted} to ${wanted}-${mostNames} are taken.`, {
    hint: 'Choose a name: `/vcdemo create team-a`.',
  });
}

/** A worker that may not claim or record a demo usually lacks other permissions too: this names all of them at once. */
async function namingAllPermissions({ settings, config, signal }: CreateRun, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiError && lacksRight(error))
      await withHost({ settings, signal }, (host) =>
        assertPermissions(host, config, {
          demoClusterRole: settings.DEMO_CLUSTER_ROLE,
          claimNamespace: claimNamespace(host),
        }),
      );
    throw error;
  }
}

/** What a create does with a demo that exists. */
const verbs: Partial<Record<Demo['state'], string>> = { ready: 'Completing', paused: 'Resuming' };

export async function createClaimed(run: CreateRun, claimed: ClaimedHost): Promise<void> {
  const { payload, config } = run;
  const { host } = claimed;
  const present = await findCommandDemo(host, run);
  if (present) assertNotBeingDeleted(present);
  const resumed = present !== undefined && isResumed(present, run);
  if (present) {
    // A run that was interrupted after its last step still has to show the final progress.
    if (!resumed) assertNotOver(run, present);
    const isAsked = payload.restart ?? resumed;
    if (present.state === 'ready' && !isAsked && (await isComplete(run, claimed, withMissingPlaces(present))))
      return claimed.tell(() => run.slack.whisper(payload.requester, alreadyThereMessage(present)));
  }
  if (present?.ready) await claimed.keepVerifiesOut();
  const planned = present ? withMissingPlaces(present) : await planNew(run, host);
  const demo = await beginWork(host, planned, 'creating', run);
  if (demo.pair !== undefined) await takeOver(host, demo, demo.pair);
  const verb = resumed ? 'Creating' : (verbs[present?.state ?? 'creating'] ?? 'Creating');
  const title = mrkdwn`${verb} demo *${demo.name}*${onCluster(config)}`;
  const card = await openFlowCard({ run, claimed, demo, title, audience: payload.requester, isCancellable: true });
  const delivery = {
    isDone: async () => {
      const found = await findDemo(host, demo.name);
      return isGone(demo, found) || found!.done.includes(run.id);
    },
    deliver: () => deliver(run, claimed, demo, card),
  };
  try {
    const restarts = payload.restart === true;
    const tasks = await runReportedFlow({ run, claimed, demo, flow: createFlow, card, delivery, restarts });
    if (!present) await card.noteDurations(tasks);
    claimed.tell(() => card.settleReady());
  } catch (error) {
    if (error instanceof Cancelled) return await noteCancelled(run, claimed, demo, error, card);
    throw error instanceof FlowError ? await noteFailure(run, claimed, demo, error, card) : error;
  }
}

/**
 * A demo that does not exist yet: made of a warm pair if one is ready.
 * @throws Refusal `reserved-name`, `command-over`, `maintenance`, and those of the limits
 */
async function planNew(run: CreateRun, host: Cluster): Promise<Demo> {
  const { payload, config } = run;
  if (isPairName(payload.demo)) throw reservedName(payload.demo);
  await assertNotEnded(host, run);
  await assertNoMaintenance(host);
  const role = await roleOf(config.access, payload.requester, run.people);
  const all = await listDemos(host);
  if (role !== 'admin') assertWithinLimits(all, payload.requester, config);
  const demo = newDemo(run, host);
  const pair = await claimPair(host, all.pairs, { demo: demo.name, jobId: run.id }, config);
  return pair ? ofPair(demo, pair) : demo;
}

/** Its namespaces are in the demo's record now, and get the demo's labels. */
async function takeOver(host: Cluster, demo: Demo, pair: string): Promise<void> {
  await Promise.all([forgetDemo(host, { name: pair }), restoreNamespaceLabels(host, demo)]);
}

const reservedName = (name: string): Refusal =>
  new Refusal('reserved-name', `A demo cannot be called ${name}: names that begin with pool- belong to warm pairs.`, {
    hint: 'Choose another name: `/vcdemo create team-a`.',
  });

function newDemo({ payload, config, askedAt }: CreateRun, host: Cluster): Demo {
  const { requester, demo: name, ttlMs = config.ttl.default } = payload;
  const demo = planDemo({
    name,
    owner: { id: requester.userId, name: requester.userName },
    channel: requester.channelId,
    now: askedAt,
    ttlMs: Math.min(ttlMs, config.ttl.max),
    claimNamespace: claimNamespace(host),
  });
  return withAudit(demo, { at: askedAt, by: requester.userId, what: 'created it' });
}

async function isComplete(run: CreateRun, { host, signal }: ClaimedHost, demo: Demo): Promise<boolean> {
  const tasks = await inspectDemo(run, readyFlow, { host, demo, signal });
  return tasks.every(({ state }) => state === 'done');
}

async function noteFailure(
  run: CreateRun,
  { host, unclaimed, tell }: ClaimedHost,
  demo: Demo,
  error: FlowError,
  card: FlowCard,
): Promise<FlowFailed> {
  const { payload, config } = run;
  const audience = payload.requester;
  if (error.failed.every(({ step }) => step === 'delivery')) {
    tell(() => card.settleReady());
    return new FlowFailed(error, { title: notSentTitle(demo), hint: error.hint ?? notSentHint(demo), audience, card });
  }
  const made = await findDemo(host, demo.name);
  const isEmpty = made === undefined || made.places.length === 0;
  if (isEmpty) await forgetDemo(host, demo);
  else await markDemo(host, made, 'failed', error.message);
  const resume = isEmpty
    ? 'Nothing was created.'
    : `What was created is kept: \`/vcdemo create ${demo.name}\` resumes it.`;
  const isUsable = !isEmpty && !error.failed.some(({ step }) => beforeVirtualClusters.includes(step));
  const use =
    isUsable &&
    `\`/vcdemo kubeconfig ${demo.name}\` gives the owner a kubeconfig for the virtual clusters as they are.`;
  const title = mrkdwn`Creating demo *${demo.name}* failed`;
  const hint = [error.hint, resume, use].filter(Boolean).join('\n');
  const named = { name: demo.name, hostCluster: config.hostCluster };
  tell(() => card.fail(error, { title, hint, actions: isEmpty ? emptyButtons(named) : failedButtons(named) }));
  const broken = brokenByHost(error);
  if (broken) tell(() => noteBroken(run, unclaimed, demo, broken));
  return new FlowFailed(error, { title, hint, audience, card });
}

/** What was made stays. It may have been ready by the time when the job noticed. */
async function noteCancelled(
  run: CreateRun,
  claimed: ClaimedHost,
  { name }: Demo,
  { by }: Cancelled,
  card: FlowCard,
): Promise<void> {
  const { id, log, slack, payload, config } = run;
  const { unclaimed: host } = claimed; // it may have been released to tell people that it is ready
  const made = await findDemo(host, name);
  const isEmpty = made === undefined || made.places.length === 0;
  if (made && isEmpty) await forgetDemo(host, made);
  if (made && !isEmpty)
    await changeExisting(host, made, (current) => {
      const noted = withDone(withAudit(current, { at: new Date(), by, what: 'cancelled its creation' }), id);
      return current.state === 'creating'
        ? { ...noted, state: 'failed', problem: problemOf('it was cancelled') }
        : noted;
    });
  if (made) await audit(log, host, made, { act: 'cancelled', by, what: 'cancelled its creation' });
  const left = isEmpty ? 'empty' : made.state === 'creating' ? 'part' : 'ready';
  const said = cancelledMessage({ name, hostCluster: config.hostCluster }, by, left);
  claimed.tell(() => (left === 'ready' ? card.settleReady() : card.settle(said)));
  // A card that is edited notifies nobody.
  claimed.tell(() => slack.reply(card.place(), payload.requester, said));
}

/** The steps without which nothing can be used. */
const beforeVirtualClusters = ['preflight', 'hostNamespace', 'virtualCluster'];

/** In what ways the isolation from the host cluster is weaker than by default, for people to read. */
async function weakerThanDefault({ config }: CreateRun, host: Cluster, demo: Demo): Promise<string[]> {
  const gap = await assertAdmission(host, config, firstPlace(demo).namespace);
  return [...weakenedBy(config), ...(gap ? [gap] : [])];
}

/**
 * Sends the kubeconfig only once, even if the API of the host cluster fails before that can be recorded. The demo is ready,
 * so it can be deleted although Slack takes long.
 */
async function deliver(
  run: CreateRun,
  { unclaimed: host, release }: ClaimedHost,
  planned: Demo,
  card: FlowCard,
): Promise<void> {
  if (!run.delivered.has(run.id)) {
    const demo = (await findDemo(host, planned.name)) ?? planned; // it has the expiry time
    const tookMs = Date.now() - run.askedAt.getTime();
    await readyFile(run, host, demo, tookMs); // what makes that fail is told by a job that still holds the claim
    await release();
    await run.slack.available();
    const current = await findDemo(host, demo.name);
    if (isGone(demo, current) || current === undefined)
      return await run.slack.whisper(run.payload.requester, deletedUnseenMessage(demo.name));
    // Somebody's access, or all keys, may have been revoked while Slack was away.
    const file = recorded(host, current, await readyFile(run, host, current, tookMs));
    run.delivered.set(run.id, await shareKubeconfig(run, current, file, card));
  }
  const shared = run.delivered.get(run.id);
  if (shared) await noteFiles(run.slack, host, planned, shared, { to: shared.to });
  const { text } = await requireDemoKubeconfig(host, run.config, planned);
  const act = shared && credentialAct(text, shared.to, run.payload.requester.userId);
  await changeExisting(host, planned, (current) =>
    withDone(act ? withAudit(current, { at: new Date(), ...act }) : current, run.id),
  );
  if (act) await audit(run.log, host, planned, act);
  run.delivered.delete(run.id);
}

async function readyFile(run: CreateRun, host: Cluster, demo: Demo, tookMs: number): Promise<SlackFile> {
  const { config } = run;
  const { text, unproven } = await requireDemoKubeconfig(host, config, demo);
  const weaker = await weakerThanDefault(run, host, demo);
  return {
    filename: kubeconfigName(demo.name),
    content: text,
    title: `kubeconfig of ${demo.name}`,
    comment: createdText(config, demo, tookMs, { weaker, unproven }),
  };
}

const notSentTitle = ({ name }: Demo): Mrkdwn => mrkdwn`Demo *${name}* is ready, but its kubeconfig could not be sent`;
const notSentHint = ({ name }: Demo): string => `\`/vcdemo kubeconfig ${name}\` gives you your own kubeconfig.`;

/** Shares the kubeconfig in the card's thread; if the file cannot be sent, the demo has not failed. */
async function shareKubeconfig(
  run: CreateRun,
  demo: Demo,
  file: SlackFile,
  card: FlowCard,
): Promise<SharedFile | undefined> {
  const { slack, payload, config, log } = run;
  try {
    const rules = { ...config, revoked: demo.revoked };
    const shared = await slack.shareFile(payload.requester, file, rules, card.place());
    if (shared.withheld)
      await slack.whisper(
        payload.requester,
        message(mrkdwn`The kubeconfig of demo *${demo.name}* was sent only to you, because ${shared.withheld}.`),
      );
    return shared;
  } catch (error) {
    if (isPassing(error)) throw error; // nobody has seen it: it is sent when the host cluster answers again
    log.error({ err: error }, 'kubeconfig was not sent');
    await slack.reply(
      card.place(),
      payload.requester,
      failureMessage({
        title: notSentTitle(demo),
        reasons: [messageOf(error)],
        hint: `Check that the bot has the scope files:write and is in the channel. ${notSentHint(demo)}`,
        jobId: run.id,
      }),
    );
    return undefined;
  }
}
