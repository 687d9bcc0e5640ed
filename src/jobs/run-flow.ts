import { setMaxListeners } from 'node:events';
import type { JobName, WritingJob } from '../commands/job-payloads.js';
import { UserError } from '../errors.js';
import type { Mrkdwn } from '../mrkdwn.js';
import { Cancelled } from '../k8s/demo/claim.js';
import { virtualClusterNames, type Demo } from '../k8s/demo/demo.js';
import type { FlowCard } from './demo-card.js';
import { clusterContext, type ClusterContext, type Delivery, type DemoContext } from './context.js';
import { FlowError, inspectFlow, runFlow, type Flow, type Task } from './flow.js';
import { withDemoContext, type ClaimedHost, type DemoConnection } from './host-cluster.js';
import type { JobRun } from './job-run.js';
import { observeStep } from './observe-step.js';
import type { Audience } from './slack/reach.js';

type DemoFlow = Flow<DemoContext, ClusterContext, string>;

export interface ReportedFlow {
  run: JobRun<WritingJob>;
  claimed: ClaimedHost;
  demo: Demo;
  flow: DemoFlow;
  /** Shows the progress. */
  card: Pick<FlowCard, 'showTasks' | 'interrupt'>;
  delivery?: Delivery;
  /** Whether istiod, the ingress gateway and the samples are restarted. */
  restarts?: boolean;
}

interface FlowFailedOptions {
  title: Mrkdwn;
  hint: string;
  /** Without an audience it is not reported. */
  audience: Audience | undefined;
  /** The demo's card, in whose thread it is reported. */
  card?: FlowCard;
}

/** A failed flow, in the words for its audience. */
export class FlowFailed extends UserError {
  readonly title: Mrkdwn;
  readonly audience: Audience | undefined;
  readonly card: FlowCard | undefined;

  constructor(cause: FlowError, { title, hint, audience, card }: FlowFailedOptions) {
    super('flow-failed', cause.message, { hint, cause });
    this.title = title;
    this.audience = audience;
    this.card = card;
  }
}

/**
 * Runs a flow under a claim and shows its progress on the demo's card. How it ended is shown by the caller.
 * @throws what `runFlow` throws
 */
export async function runReportedFlow(request: ReportedFlow): Promise<Task[]> {
  const { run, claimed, demo, flow, card, delivery, restarts } = request;
  const { host, claim, signal } = claimed;
  setMaxListeners(0, signal); // all waits and requests of all steps listen to it
  try {
    return await withDemoContext(
      run,
      // A cancelled job waits for no answer.
      {
        host: host.with({ signal, beforeWrite: claim.assertHeld }),
        ...{ demo, signal, delivery, restarts, beforeWrite: claim.assertHeld },
      },
      (context) =>
        runFlow(flow, {
          config: run.config,
          context,
          contextOf: (name) => clusterContext(context, name),
          clusters: demo.places.map(({ name }) => name),
          signal,
          draining: run.draining,
          onChange: card.showTasks,
          onEnd: (task) => observeStep(run, task),
        }),
    );
  } catch (error) {
    if (!(error instanceof FlowError || error instanceof Cancelled)) claimed.tell(card.interrupt);
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
