import { setMaxListeners } from 'node:events';
import type { JobName, WritingJob } from '../commands/job-payloads.js';
import type { Requester } from '../commands/payload.js';
import { UserError } from '../errors.js';
import type { Mrkdwn } from '../mrkdwn.js';
import { Cancelled } from '../k8s/claim.js';
import { virtualClusterNames, type Demo } from '../k8s/demo.js';
import { noteProgress } from '../k8s/demo-record.js';
import { clusterContext, type ClusterContext, type Delivery, type DemoContext } from './context.js';
import { inspectFlow, runFlow, type Flow, type FlowError, type Task } from './flow.js';
import { withDemoContext, type ClaimedHost, type DemoConnection } from './host-cluster.js';
import type { JobRun } from './job-run.js';
import { reportProgress, type ProgressReporter } from './slack/progress.js';
import { observeStep } from './observe-step.js';

/** The channel and the person that follow a flow and are told how it ended. */
export type Audience = Pick<Requester, 'channelId' | 'userId'>;

type DemoFlow = Flow<DemoContext, ClusterContext, string>;

export interface ReportedFlow {
  run: JobRun<WritingJob>;
  claimed: ClaimedHost;
  demo: Demo;
  flow: DemoFlow;
  title: Mrkdwn;
  delivery?: Delivery;
  /** Whether istiod and the samples are restarted. */
  restarts?: boolean;
  /** Undefined if nobody is to follow it. */
  audience: Audience | undefined;
}

/** A failed flow, in the words for its audience; without an audience it is not reported. */
export class FlowFailed extends UserError {
  readonly title: Mrkdwn;
  readonly audience: Audience | undefined;

  constructor(
    cause: FlowError,
    { title, hint, audience }: { title: Mrkdwn; hint: string; audience: Audience | undefined },
  ) {
    super('flow-failed', cause.message, { hint, cause });
    this.title = title;
    this.audience = audience;
  }
}

/**
 * Runs a flow under a claim and shows its progress in one Slack message; continues the message of an earlier run.
 * @throws what `runFlow` throws
 */
export async function runReportedFlow(request: ReportedFlow): Promise<Task[]> {
  const { run, claimed, demo, flow, delivery } = request;
  const { host, claim, signal } = claimed;
  setMaxListeners(0, signal); // all waits and requests of all steps listen to it
  const reporter = startReporter(request);
  const finish = (outcome: Parameters<ProgressReporter['finish']>[0]) => {
    const finished = reporter.finish(outcome);
    claimed.tell(() => finished);
  };
  try {
    const tasks = await withDemoContext(
      run,
      // A cancelled job waits for no answer.
      {
        host: host.with({ signal, beforeWrite: claim.assertHeld }),
        ...{ demo, signal, delivery, restartFor: request.restarts ? run.id : undefined, beforeWrite: claim.assertHeld },
      },
      (context) =>
        runFlow(flow, {
          config: run.config,
          context,
          contextOf: (name) => clusterContext(context, name),
          clusters: demo.places.map(({ name }) => name),
          signal,
          draining: run.draining,
          onChange: reporter.show,
          onEnd: (task) => observeStep(run, task),
        }),
    );
    finish('done');
    return tasks;
  } catch (error) {
    if (error instanceof Cancelled) finish('cancelled');
    else finish(signal.aborted || run.draining.aborted ? 'interrupted' : 'failed');
    throw error;
  }
}

/** Looks which results of a flow's steps hold, and changes nothing. */
export function inspectDemo(run: JobRun<JobName>, flow: DemoFlow, connection: DemoConnection): Promise<Task[]> {
  return withDemoContext(run, connection, (context) =>
    inspectFlow(flow, {
      config: run.config,
      context,
      contextOf: (name) => clusterContext(context, name),
      clusters: virtualClusterNames,
      signal: connection.signal,
    }),
  );
}

const silent: ProgressReporter = { show: () => undefined, finish: () => Promise.resolve() };

function startReporter({ run, claimed, demo, title, audience }: ReportedFlow): ProgressReporter {
  if (audience === undefined) return silent;
  const { slack, askedAt: since, log, id: jobId } = run;
  const { progress } = demo;
  return reportProgress({
    slack,
    audience,
    posted: progress?.jobId === jobId ? progress : undefined,
    rememberPosted: (posted) => noteProgress(claimed.unclaimed, demo, { jobId, ...posted }),
    title,
    jobId,
    since,
    log,
  });
}
