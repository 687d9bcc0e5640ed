import { commandLine } from '../../commands/command-line.js';
import type { JobName } from '../../commands/job-payloads.js';
import { messageOf, Refusal, UserError } from '../../errors.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import { changeExisting, listDemos, noteCard } from '../../k8s/demo/demo-record.js';
import { problemOf, type Demo } from '../../k8s/demo/demo.js';
import type { Log } from '../../log.js';
import { joinMrkdwn, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import type { CommandButton } from '../../slack-message.js';
import { withHost } from '../host-cluster.js';
import { currentConfig, type WorkerTools } from '../job-run.js';
import { FlowFailed } from '../run-flow.js';
import { failedButtons, undeletedButtons, unrevokedButtons, type ButtonDemo } from '../slack/demo-buttons.js';
import { failedCard, readyCard } from '../slack/card/card.js';
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

/** How the jobs end that show a plan. */
const ends: Partial<Record<JobName, (demo: ButtonDemo) => End>> = {
  create: (demo) => ({
    title: mrkdwn`Creating demo *${demo.name}* failed`,
    next: mrkdwn`What was created is kept: ${commandLine(demo, 'create')} resumes it.`,
    actions: failedButtons(demo),
  }),
  delete: undeleted,
  expire: undeleted,
  revoke: (demo) => ({
    title: mrkdwn`Replacing the keys of demo *${demo.name}* failed`,
    next: mrkdwn`${commandLine(demo, 'revoke')} replaces them once more; ${commandLine(demo, 'create')} completes the demo.`,
    actions: unrevokedButtons(demo),
  }),
};

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
      const { title, next, actions } = endOf({ name: demo.name, hostCluster: config.hostCluster });
      const hint = joinMrkdwn([error instanceof UserError && error.slackHint, next], '\n');
      const card = openCard({
        ...{ slack, log, place: demo.card, everyMs: () => 0 },
        audience: { channelId: demo.channel, userId: demo.owner.id },
        remember: (place) => noteCard(host, demo, place),
      });
      await card.settle(
        demo.state === 'ready' && job.name === 'create'
          ? readyCard(demo, config)
          : failedCard({ title, reasons: [messageOf(error)], hint, jobId: job.id, actions }),
      );
      return card.place();
    });
  } catch (closeError) {
    log.warn({ reason: messageOf(closeError) }, 'the end of the job is not on the card');
    return undefined;
  }
}

/** The demo that the job was the last to work on, with what failed. */
async function noteFailure(host: Cluster, { id, name }: FailedJob, problem: string): Promise<Demo | undefined> {
  const isOurs = ({ begun, replacing }: Demo) => (name === 'revoke' ? replacing?.jobId : begun?.jobId) === id;
  // By job: the command may not have named the demo.
  const demo = (await listDemos(host)).demos.find(isOurs);
  return (
    demo &&
    (await changeExisting(host, demo, (current) => {
      if (!isOurs(current) || current.state === 'ready') return current;
      return {
        ...current,
        state: current.state === 'creating' ? 'failed' : current.state,
        problem: problemOf(problem),
      };
    }))
  );
}
