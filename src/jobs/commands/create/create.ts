import { roleOf } from '../../../access.js';
import { isPairName } from '../../../commands/payload.js';
import { commandLine } from '../../../commands/command-line.js';
import { Refusal } from '../../../errors.js';
import { ApiError, lacksRight } from '../../../k8s/client/api-errors.js';
import { claimNamespace, managedElsewhere } from '../../../k8s/demo/managed-by.js';
import type { Cluster } from '../../../k8s/client/cluster.js';
import { beginWork, changeRecord, findDemo, forgetDemo, isGone, listDemos } from '../../../k8s/demo/demo-record.js';
import { Cancelled } from '../../../k8s/demo/claim.js';
import { planDemo, withAudit, withMissingPlaces, type Demo } from '../../../k8s/demo/demo.js';
import { mayGoOn } from '../../../k8s/demo/done-jobs.js';
import { restoreNamespaceLabels } from '../../../k8s/demo/host-namespace.js';
import { claimPair, ofPair } from '../../../k8s/demo/pool.js';
import { assertPermissions } from '../../../k8s/permissions/permission-check.js';
import { assertNotEnded, assertNotOver, findCommandDemo, namedDemo } from '../../find-demo.js';
import { openFlowCard, refreshCard } from '../../demo-card.js';
import { FlowError, type Task } from '../../flow.js';
import { whileGiving, withClaimedDemo, withHost, type ClaimedHost } from '../../host-cluster.js';
import type { Handler, JobRun } from '../../job-run.js';
import { inspectDemo, runReportedFlow, type ReportedFlow } from '../../run-flow.js';
import { tellHolder } from '../../tell-holder.js';
import type { ButtonDemo } from '../../slack/demo-buttons.js';
import { onCluster } from '../../slack/messages.js';
import { mrkdwn } from '../../../mrkdwn.js';
import { assertNoMaintenance } from '../maintenance.js';
import { unfinishedRevokeFlow } from '../revoke/flow.js';
import { claimFlow, createFlow, readyFlow } from './flow.js';
import { assertWithinLimits } from './limits.js';
import { deliver } from './deliver.js';
import { withFreeName } from './find-name.js';
import { assertMayContinue } from './may-continue.js';
import { isUndelivered, noteCancelled, noteFailure } from './outcome.js';
import { alreadyThereMessage } from './messages.js';

type CreateRun = JobRun<'create'>;

/** Creates a demo, or the missing parts of one that was interrupted, failed or lost a part, and sends its kubeconfig. */
export const create: Handler<'create'> = (run) =>
  namingAllPermissions(run, () => (run.payload.isUnnamed ? withFreeName(run, createClaimed) : createNamed(run)));

const createNamed = (run: CreateRun): Promise<void> =>
  withClaimedDemo(run, tellHolder(run), (claimed) => createClaimed(run, claimed));

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
  if (present) await assertMayContinue(run, present);
  const resumed = present !== undefined && mayGoOn(present, run);
  if (present) {
    // A run that was interrupted after its last step still has to show the final progress.
    if (!resumed) assertNotOver(run, present);
    const isAsked = payload.restart ?? resumed;
    if (!isAsked && (await isComplete(run, claimed, withMissingPlaces(present)))) {
      claimed.tell(() => run.slack.whisper(payload.requester, alreadyThereMessage(present)));
      // It may still show a failure that is over.
      return claimed.tell(() => refreshCard(run, claimed.unclaimed, present));
    }
  }
  if (present?.ready) await claimed.keepVerifiesOut();
  const begin = async (planned: Demo) => ({ planned, demo: await beginWork(host, planned, 'creating', run) });
  const { planned, demo } = present
    ? await begin(withMissingPlaces(present))
    : await whileGiving(run, { host, person: payload.requester.userId }, async () => begin(await planNew(run, host)));
  if (demo.pair !== undefined) await takeOver(host, demo, demo.pair);
  const verb = resumed ? 'Creating' : (verbs[present?.state ?? 'creating'] ?? 'Creating');
  const title = mrkdwn`${verb} demo *${demo.name}*${onCluster(config)}`;
  const card = await openFlowCard({ run, claimed, demo, title, audience: payload.requester, isCancellable: true });
  const delivery = {
    isDone: async () => {
      const found = await findDemo(host, demo.name);
      return found === undefined || isGone(demo, found) || found.done.includes(run.id);
    },
    deliver: () => deliver(run, claimed, demo, card),
  };
  try {
    const restarts = payload.restart === true;
    const reported = { run, claimed, demo, card, delivery, restarts };
    const runs = (flow: ReportedFlow['flow']) => runReportedFlow({ ...reported, flow });
    if (demo.replacing) {
      await runs(unfinishedRevokeFlow);
      await changeRecord(host, demo, (current) => ({ ...current, replacing: undefined }));
    }
    const tasks = await (present || planned.pair === undefined || planned.paused
      ? runs(createFlow)
      : runClaimFlow(runs, run.log));
    if (!present) await card.noteDurations(tasks);
    claimed.tell(() => card.settleReady());
  } catch (error) {
    if (error instanceof Cancelled) return await noteCancelled(run, claimed, demo, error, card);
    throw error instanceof FlowError ? await noteFailure(run, claimed, demo, { verb, error, card }) : error;
  }
}

/**
 * A demo that does not exist yet: made of a warm pair if one is ready.
 * @throws Refusal `reserved-name`, `command-over`, `maintenance`, `managed-elsewhere`, and those of the limits
 */
async function planNew(run: CreateRun, host: Cluster): Promise<Demo> {
  const { payload, config } = run;
  if (isPairName(payload.demo)) throw reservedName(namedDemo(run));
  await assertNotEnded(host, run);
  await assertNoMaintenance(host);
  const role = await roleOf(config.access, payload.requester, run.people);
  const all = await listDemos(host);
  const { managedIn } = all.unreadable.find(({ name }) => name === payload.demo) ?? {};
  if (managedIn !== undefined) throw managedElsewhere(host, payload.demo, managedIn);
  if (role !== 'admin') assertWithinLimits(all, payload.requester, config);
  const demo = newDemo(run, host);
  const pair = await claimPair(host, all.pairs, { demo: demo.name, jobId: run.id }, config);
  return pair ? ofPair(demo, pair) : demo;
}

/** Everything in a running warm pair was in place when it became ready; what has broken since then is restored. */
export async function runClaimFlow(
  runs: (flow: ReportedFlow['flow']) => Promise<Task[]>,
  log: Pick<CreateRun['log'], 'warn'>,
): Promise<Task[]> {
  try {
    return await runs(claimFlow);
  } catch (error) {
    if (!(error instanceof FlowError) || isUndelivered(error)) throw error;
    log.warn({ reason: error.message }, 'a part of the warm pair is broken; running all steps');
    return await runs(createFlow);
  }
}

/** Its namespaces are in the demo's record now, and get the demo's labels. */
async function takeOver(host: Cluster, demo: Demo, pair: string): Promise<void> {
  await Promise.all([forgetDemo(host, { name: pair }), restoreNamespaceLabels(host, demo)]);
}

const reservedName = ({ name, hostCluster }: ButtonDemo): Refusal =>
  new Refusal(
    'reserved-name',
    `A demo cannot be called ${name}: names that begin with pool- are reserved for warm pairs.`,
    {
      hint: `Choose another name: ${commandLine({ name: 'team-a', hostCluster }, 'create')}.`,
    },
  );

function newDemo({ payload, config, askedAt }: CreateRun, host: Cluster): Demo {
  const { requester, demo: name, ttlMs = config.ttl.default } = payload;
  const demo = planDemo({
    name,
    hostCluster: config.hostCluster,
    owner: { id: requester.userId, name: requester.userName },
    channel: requester.channelId,
    asked: askedAt,
    now: host.now(),
    ttlMs: Math.min(ttlMs, config.ttl.max),
    claimNamespace: claimNamespace(host),
  });
  return withAudit(demo, { at: askedAt, by: requester.userId, what: 'created it' });
}

async function isComplete(run: CreateRun, { host, signal }: ClaimedHost, demo: Demo): Promise<boolean> {
  if (demo.state !== 'ready' || demo.replacing !== undefined) return false;
  const tasks = await inspectDemo(run, readyFlow, { host, demo, signal });
  return tasks.every(({ state }) => state === 'done');
}
