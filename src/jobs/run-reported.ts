import { setMaxListeners } from 'node:events';
import type { Claim } from '../k8s/claim.js';
import type { Demo } from '../k8s/demo.js';
import { clusterContext, type ClusterContext, type DemoContext } from './context.js';
import type { Requester } from './definitions.js';
import { runFlow, type Flow, type Task } from './flow.js';
import { demoContext, withHost, type JobRun } from './job.js';
import { observeStep } from './observe-step.js';
import { progressMessage } from './messages.js';
import { reportProgress, type ProgressReporter } from './progress.js';

export interface ReportedRun {
  run: JobRun<'create'> | JobRun<'delete'> | JobRun<'expire'>;
  claim: Claim;
  demo: Demo;
  flow: Flow<DemoContext, ClusterContext, string>;
  title: string;
  /** Whose channel follows the progress. */
  requester: Pick<Requester, 'channelId' | 'userId'>;
  /** Nobody is to follow it. */
  isQuiet?: boolean;
}

/** Runs a flow under a claim, followed by one message in Slack; an earlier run's message goes on. */
export async function runReported(request: ReportedRun): Promise<Task[]> {
  const { run, claim, demo, flow } = request;
  const signal = AbortSignal.any([run.signal, claim.signal]);
  setMaxListeners(0, signal); // every wait and request of every step listens to it
  const reporter = request.isQuiet ? silent : await startReporter(request);
  const options = { signal, beforeWrite: claim.assertHeld };
  return await withHost(run, options, async (host) => {
    const context = demoContext(run, host, demo, options);
    try {
      const tasks = await runFlow(flow, {
        config: run.config,
        context,
        contextOf: (name) => clusterContext(context, name),
        clusters: demo.places.map(({ name }) => name),
        signal,
        draining: run.draining,
        onChange: reporter.show,
        onEnd: (task) => observeStep(run, task),
      });
      await reporter.finish('done');
      return tasks;
    } catch (error) {
      await reporter.finish(signal.aborted || run.draining.aborted ? 'interrupted' : 'failed');
      throw error;
    } finally {
      await context.close();
    }
  });
}

const silent: ProgressReporter = { show: () => undefined, finish: () => Promise.resolve() };

async function startReporter({ run, title, requester }: ReportedRun): Promise<ProgressReporter> {
  const { slack, log, id: jobId } = run;
  const posted =
    run.posted ?? (await slack.post(requester, progressMessage({ title, tasks: [], elapsedMs: 0, jobId })));
  if (!run.posted) await run.rememberPosted(posted);
  return reportProgress({ slack, posted, title, jobId, since: run.askedAt, log });
}
