import type { WorkerSettings } from '../config.js';
import { isPassing } from '../k8s/client/api-errors.js';
import { lacks, waitUntil, type Lacking } from '../k8s/check.js';
import { claimDemo, isHolder, type Claim, type ClaimRequest } from '../k8s/demo/claim.js';
import type { Holder } from '../k8s/demo/lease.js';
import { connectCluster, type Cluster } from '../k8s/client/cluster.js';
import { hostAccess } from '../k8s/client/host-access.js';
import { claimNamespace } from '../k8s/demo/managed-by.js';
import type { Demo } from '../k8s/demo/demo.js';
import { VirtualClusterConnections } from '../k8s/virtual-cluster/virtual-cluster.js';
import { formatDuration, minutes, seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { JobName, WritingJob } from '../commands/job-payloads.js';
import type { Delivery, DemoContext } from './context.js';
import { hintOf } from './hint.js';
import { waitingForHostMessage } from './slack/messages.js';
import type { JobRun } from './job-run.js';

/** Opens the host cluster with the current credentials, and closes it when the work has ended. */
export async function withHost<Result>(
  { settings, signal }: { settings: WorkerSettings; signal?: AbortSignal },
  work: (host: Cluster) => Promise<Result>,
): Promise<Result> {
  const access = { ...hostAccess(settings), hostCluster: settings.HOST_CLUSTER };
  const host = connectCluster('host', access, { ...(signal && { signal }) });
  try {
    return await work(host);
  } finally {
    host.close();
  }
}

/** The host cluster while this job holds the claim on its demo. */
export interface ClaimedHost {
  /** Checks the claim before each write, and aborts every request if the claim is lost; not if the job is cancelled. */
  host: Cluster;
  claim: Claim;
  /** Aborted when the worker has to stop, the claim is lost or the job is cancelled. */
  signal: AbortSignal;
  /** Tells people something at the end, after the claim was released: while Slack is away, other jobs can have the demo. */
  tell(say: () => Promise<unknown>): void;
  /** Waits for a verify of the demo to end, and keeps others out until the claim is released. */
  keepVerifiesOut(): Promise<void>;
  /** Releases the claim before the end, for a flow whose last step tells people. */
  release(): Promise<void>;
  /** The host cluster for what such a step records. */
  unclaimed: Cluster;
}

/**
 * The only way to write to a demo: claims it, opens the host cluster, releases the claim at the end, and then tells people.
 * If another job holds the claim, `busy` is called instead.
 */
export async function withClaimedDemo(
  run: JobRun<WritingJob>,
  busy: (holder: Holder) => Promise<void>,
  work: (claimed: ClaimedHost) => Promise<void>,
): Promise<void> {
  const { id, name, payload, log } = run;
  await withHost(run, async (host) => {
    const asker = 'requester' in payload ? payload.requester : undefined;
    const request = { host, namespace: claimNamespace(host), demo: payload.demo, purpose: name, jobId: id, asker };
    const claim = await claimWhenAnswered({ ...request, signal: run.signal }, run);
    if (isHolder(claim)) return await busy(claim);
    const held = AbortSignal.any([run.signal, claim.signal]);
    const signal = AbortSignal.any([held, claim.cancelled]);
    const last: (() => Promise<unknown>)[] = [];
    const claims = [claim];
    const release = async () => void (await Promise.all(claims.map((each) => releaseClaim(each, log))));
    const keepVerifiesOut = async () => void claims.push(await claimVerifying({ ...request, signal }));
    const tell = (say: () => Promise<unknown>) => void last.push(say);
    try {
      const claimed = host.with({ signal: held, beforeWrite: claim.assertHeld });
      await work({ host: claimed, claim, signal, tell, keepVerifiesOut, release, unclaimed: host });
    } catch (error) {
      // Whatever the error, the cause is that the claim was lost.
      claim.signal.throwIfAborted();
      throw error;
    } finally {
      await release();
      for (const say of last) await say();
    }
  });
}

/** The Lease also expires by itself; if it remains for a while, the work is done all the same. */
const releaseClaim = (claim: Claim, log: JobRun<JobName>['log']): Promise<void> =>
  claim.release().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'claim was not released'));

/** Longer than a verify takes, with its diagnosis. */
const verifyEndsWithinMs = minutes(5);

const claimVerifying = (request: ClaimRequest): Promise<Claim> =>
  claimWhenFree({ ...request, right: 'verify' }, `the verify of demo ${request.demo} to end`, verifyEndsWithinMs);

/** Claims what others hold only for a while, as soon as they have let go. */
async function claimWhenFree(request: ClaimRequest, awaited: string, withinMs: number): Promise<Claim> {
  const attempt = async (): Promise<{ holds: true; claim: Claim } | Lacking> => {
    const claim = await claimDemo(request);
    return isHolder(claim) ? lacks(`job ${claim.jobId} holds the claim`) : { holds: true, claim };
  };
  return (await waitUntil(awaited, attempt, { withinMs, signal: request.signal, everyMs: 500 })).claim;
}

/**
 * Gives a person another demo while no other job does: two at once could both find that they may have one more.
 * @param work counts their demos, and records the new owner
 */
export async function whileGiving<Result>(
  { id, name, signal, log }: Pick<JobRun<JobName>, 'id' | 'name' | 'signal' | 'log'>,
  { host, person }: { host: Cluster; person: string },
  work: () => Promise<Result>,
): Promise<Result> {
  const lease = { host, namespace: claimNamespace(host), demo: person.toLowerCase(), right: 'owner' } as const;
  const request = { ...lease, purpose: name, jobId: id, signal };
  const claim = await claimWhenFree(request, `the other demo of ${person} to be recorded`, minutes(1));
  return await work().finally(() => releaseClaim(claim, log));
}

/**
 * Works on a demo's verify while no other worker verifies it, or changes its mesh; resolves with who does if somebody does.
 * `signal` is aborted when the claim is lost, too.
 */
export async function whileVerifying<Result>(
  { id, name, payload, signal, log }: JobRun<'verify'> | JobRun<'reverify'>,
  { host, demo }: Pick<DemoContext, 'host' | 'demo'>,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | Holder> {
  const asker = 'requester' in payload ? payload.requester : undefined;
  const lease = { host, namespace: claimNamespace(host), demo: demo.name, right: 'verify' } as const;
  const claim = await claimDemo({ ...lease, purpose: name, jobId: id, asker, signal });
  if (isHolder(claim)) return claim;
  try {
    const result = await work(AbortSignal.any([signal, claim.signal]));
    claim.assertHeld();
    return result;
  } catch (error) {
    claim.signal.throwIfAborted();
    throw error;
  } finally {
    await releaseClaim(claim, log);
  }
}

/** How long a job waits for the API to come back: longer if it was interrupted than if it has not started. */
const patienceMs = { new: minutes(2), resumed: minutes(10) };
/** After this time whoever asked for a new job reads what it waits for. */
const quietMs = seconds(20);

/**
 * Claims the demo as soon as the host cluster answers.
 * @throws UserError `host-unreachable`
 */
async function claimWhenAnswered(request: ClaimRequest, run: JobRun<WritingJob>): Promise<Claim | Holder> {
  const factor = run.config.stepDeadlineFactor;
  const withinMs = run.resumed ? patienceMs.resumed : patienceMs.new * factor;
  const sayAt = run.resumed ? Infinity : performance.now() + quietMs * factor;
  let problem: unknown;
  let isSaid = false;
  const attempt = async (): Promise<{ holds: true; claim: Claim | Holder } | Lacking> => {
    try {
      return { holds: true, claim: await claimDemo(request) };
    } catch (error) {
      if (!isPassing(error)) throw error;
      problem = error;
      if (!isSaid && performance.now() >= sayAt) {
        isSaid = true;
        sayWaiting(run, error, withinMs);
      }
      return lacks(messageOf(error));
    }
  };
  try {
    return (await waitUntil('the host cluster', attempt, { withinMs, signal: request.signal, everyMs: 1000 })).claim;
  } catch (error) {
    request.signal.throwIfAborted();
    if (!isPassing(problem)) throw error;
    const hint = hintOf(problem) ?? 'Check that the cluster is up and that the worker can reach it.';
    throw new UserError('host-unreachable', `${messageOf(problem)} (waited ${formatDuration(withinMs)})`, {
      hint: `${hint}\nThen run the command again: what was created is kept.`,
      cause: problem,
    });
  }
}

/** Only to whoever asked, and without waiting for Slack. */
function sayWaiting({ payload, slack, log }: JobRun<WritingJob>, problem: unknown, withinMs: number): void {
  if (!('requester' in payload)) return;
  slack
    .whisper(payload.requester, waitingForHostMessage(payload.demo, messageOf(problem), withinMs))
    .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'nobody was told that the host cluster is away'));
}

/** Runs `work` with the context that a demo's steps need, then closes the connections to its virtual clusters. */
export async function withDemoContext<Result>(
  run: JobRun<JobName>,
  { host, demo, signal, delivery, restarts = false, beforeWrite = () => undefined }: DemoConnection,
  work: (context: DemoContext) => Promise<Result>,
): Promise<Result> {
  const { settings, config, istio, slack } = run;
  const inCluster = settings.KUBECONFIG === undefined;
  const connections = new VirtualClusterConnections(host, { signal, beforeWrite, inCluster });
  try {
    return await work({
      config,
      demo,
      host,
      kubeconfig: settings.KUBECONFIG,
      demoClusterRole: settings.DEMO_CLUSTER_ROLE,
      claimNamespace: claimNamespace(host),
      workerNamespace: inCluster ? claimNamespace(host) : undefined,
      connections,
      istio,
      slack,
      delivery,
      jobId: run.id,
      restarts,
      signal,
    });
  } finally {
    await connections.close();
  }
}

export interface DemoConnection {
  host: Cluster;
  demo: Demo;
  signal: AbortSignal;
  delivery?: Delivery | undefined;
  /** Whether istiod, the ingress gateway and the samples are restarted. */
  restarts?: boolean | undefined;
  /** Called before each write to a virtual cluster. */
  beforeWrite?: () => void;
}
