import { commandLine } from '../../commands/command-line.js';
import type { JobName, UpkeepName, WritingJob } from '../../commands/job-payloads.js';
import type { DemoConfig } from '../../config.js';
import { messageOf, Refusal, UserError } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { changeExisting, listDemos, noteCard } from '../../k8s/demo/demo-record.js';
import { problemOf, type Demo } from '../../k8s/demo/demo.js';
import type { Log } from '../../log.js';
import { joinMrkdwn, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import type { CommandButton, SlackMessage } from '../../slack-message.js';
import { unpausedHint } from '../commands/pause/pause.js';
import { withHost } from '../host-cluster.js';
import { currentConfig, type WorkerTools } from '../job-run.js';
import { FlowFailed } from '../run-flow.js';
import {
  failedButtons,
  pausedButtons,
  undeletedButtons,
  unrevokedButtons,
  type ButtonDemo,
} from '../slack/demo-buttons.js';
import { failedCard, pausedCard, readyCard } from '../slack/card/card.js';
import { openCard, type CardPlace } from '../slack/card/publish-card.js';
import type { FailedJob } from './tell-failure.js';

/*
 * The end of a job that its handler did not see to: its workers died too often, or it failed in a way that is not a failed
 * step. Its last plan on the demo's card would look as if somebody were still working on the demo.
 */

interface End {
  title: Mrkdwn;
  next: Mrkdwn;
  actions: CommandButton[];
}

type EndOf = (demo: ButtonDemo, config: DemoConfig) => End;

/** How the jobs end that show a plan: all that change a demo for somebody, and those that expire and pause one. */
const ends: Partial<Record<JobName, EndOf>> = {
  create: (demo) => unfinished(demo, mrkdwn`Creating`),
  resume: (demo) => unfinished(demo, mrkdwn`Resuming`),
  pause: unpaused,
  autopause: unpaused,
  delete: undeleted,
  expire: undeleted,
  revoke: (demo) => ({
    title: mrkdwn`Replacing the keys of demo *${demo.name}* failed`,
    next: mrkdwn`${commandLine(demo, 'revoke')} replaces them once more; ${commandLine(demo, 'create')} completes the demo.`,
    actions: unrevokedButtons(demo),
  }),
} satisfies Record<Exclude<WritingJob, UpkeepName> | 'expire' | 'autopause', EndOf>;

const unfinished = (demo: ButtonDemo, what: Mrkdwn): End => ({
  title: mrkdwn`${what} demo *${demo.name}* failed`,
  next: mrkdwn`What was created is kept: ${commandLine(demo, 'create')} resumes it.`,
  actions: failedButtons(demo),
});

function unpaused(demo: ButtonDemo, config: DemoConfig): End {
  return {
    title: mrkdwn`Pausing demo *${demo.name}* failed`,
    next: mrkdwn`${unpausedHint(demo)}`,
    actions: pausedButtons(demo, config),
  };
}

function undeleted(demo: ButtonDemo): End {
  return {
    title: mrkdwn`The deletion of demo *${demo.name}* did not finish`,
    next: mrkdwn`${commandLine(demo, 'delete')} continues it.`,
    actions: undeletedButtons(demo),
  };
}

/**
 * Records and shows on the demo's card that the job failed, unless its handler has done so or another job has begun since.
 * Never throws.
 * @returns where the card is
 */
export async function closeWork(
  tools: Pick<WorkerTools, 'settings' | 'slack'> & { log: Log },
  job: FailedJob,
  error: unknown,
): Promise<CardPlace | undefined> {
  const { settings, slack, log } = tools;
  const endOf = ends[job.name];
  if (endOf === undefined || error instanceof FlowFailed || error instanceof Refusal) return undefined;
  try {
    return await withHost({ settings }, async (host) => {
      const demo = await noteFailure(host, job, messageOf(error));
      if (demo?.card === undefined) return undefined;
      const config = currentConfig(settings);
      const { title, next, actions } = endOf({ name: demo.name, hostCluster: config.hostCluster }, config);
      const hint = joinMrkdwn([error instanceof UserError && error.slackHint, next], '\n');
      const card = openCard({
        ...{ slack, log, place: demo.card, everyMs: () => 0 },
        audience: { channelId: demo.channel, userId: demo.owner.id },
        remember: (place) => noteCard(host, demo, place),
      });
      const failed = failedCard({ title, reasons: [messageOf(error)], hint, jobId: job.id, actions });
      await card.settle(doneCard(demo, job, config) ?? failed);
      return card.place();
    });
  } catch (closeError) {
    log.warn({ reason: messageOf(closeError) }, 'the end of the job is not on the card');
    return undefined;
  }
}

/** For a job that only failed to say that it was done. */
function doneCard(demo: Demo, { id, name }: FailedJob, config: DemoConfig): SlackMessage | undefined {
  if (demo.state === 'ready' && (name === 'create' || name === 'resume')) return readyCard(demo, config);
  return demo.state === 'paused' && demo.done.includes(id) ? pausedCard(demo, config) : undefined;
}

/** The demo that the job was the last to work on, with what failed. */
async function noteFailure(host: Cluster, { id, name }: FailedJob, problem: string): Promise<Demo | undefined> {
  const isOurs = (demo: Demo) => lastJob(demo, name) === id;
  // By job: the command may not have named the demo.
  const demo = (await listDemos(host)).demos.find(isOurs);
  return (
    demo &&
    (await changeExisting(host, demo, (current) => {
      if (!isOurs(current) || current.state === 'ready' || current.done.includes(id)) return current;
      return {
        ...current,
        state: current.state === 'creating' ? 'failed' : current.state,
        problem: problemOf(problem),
      };
    }))
  );
}

/** The job that was the last to begin such work on the demo. */
function lastJob({ begun, replacing, paused }: Demo, name: JobName): string | undefined {
  if (name === 'revoke') return replacing?.jobId;
  return (name === 'pause' || name === 'autopause' ? paused : begun)?.jobId;
}
