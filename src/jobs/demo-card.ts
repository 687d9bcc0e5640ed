import type { WritingJob } from '../commands/job-payloads.js';
import type { DemoConfig } from '../config.js';
import { messageOf } from '../errors.js';
import type { Cluster } from '../k8s/client/cluster.js';
import type { Demo } from '../k8s/demo/demo.js';
import { findDemo, isGone, noteCard } from '../k8s/demo/demo-record.js';
import { noteDurations, usualDurations } from '../k8s/demo/run-durations.js';
import type { Mrkdwn } from '../mrkdwn.js';
import type { SlackMessage } from '../slack-message.js';
import { taskName, type FlowError, type Task } from './flow.js';
import type { ClaimedHost } from './host-cluster.js';
import type { JobRun } from './job-run.js';
import { cancelButton } from './slack/demo-buttons.js';
import { endedCard, failedCard, pausedCard, readyCard, type Failed } from './slack/card/card.js';
import { editEvery, openCard, type Card, type CardPlace } from './slack/card/publish-card.js';
import { workingCard } from './slack/card/working-card.js';
import type { Audience } from './slack/reach.js';

/** The card of a demo while a flow runs on the demo. */
export interface FlowCard {
  /** Where it is; undefined before it was posted. */
  place(): CardPlace | undefined;
  showTasks(tasks: readonly Task[]): void;
  /** Shows that another worker continues. Never throws. */
  interrupt(): Promise<void>;
  /** Shows how it ended. @throws what Slack's client throws when it gives up */
  settle(message: SlackMessage): Promise<void>;
  /** Shows that the demo can be used. @throws what Slack's client throws when it gives up */
  settleReady(): Promise<void>;
  /** Shows what failed. Never throws: that it failed is also reported in the thread. */
  fail(error: FlowError, shown: Omit<Failed, 'reasons' | 'jobId'>): Promise<void>;
  /** Keeps how long the run took, for the estimates of later ones. Never throws. */
  noteDurations(tasks: readonly Task[]): Promise<void>;
}

/** For what nobody watches. */
export const silentCard: Pick<FlowCard, 'showTasks' | 'interrupt'> = {
  showTasks: () => undefined,
  interrupt: () => Promise.resolve(),
};

/** The commands whose flows jobs run that nobody asks for. */
const flowNames: Partial<Record<WritingJob, string>> = { expire: 'delete', autopause: 'pause' };

interface FlowCardOptions {
  run: JobRun<WritingJob>;
  claimed: ClaimedHost;
  demo: Demo;
  /** `Creating demo *team-a*` */
  title: Mrkdwn;
  audience: Audience;
  /** Only the end is shown. */
  isQuiet?: boolean;
  /** It has a button that cancels the job. */
  isCancellable?: boolean;
}

/** Continues the demo's card, or posts one. */
export async function openFlowCard(options: FlowCardOptions): Promise<FlowCard> {
  const { run, claimed, demo, title, audience, isQuiet = false, isCancellable = false } = options;
  // What is written here needs no claim, and some of it is written after the claim was released.
  const { unclaimed: host } = claimed;
  const { slack, log, id: jobId } = run;
  const flow = timedFlow(run, demo);
  const start = Date.now();
  const since = run.resumed ? run.askedAt : new Date(start);
  const usual = await usualDurations(host, flow).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'earlier durations cannot be read');
    return undefined;
  });
  const card = openCard({
    ...{ slack, audience, log },
    place: demo.card,
    remember: (place) => noteCard(host, demo, place),
    everyMs: () => editEvery(run.cardsAtWork?.() ?? 1, Date.now() - start),
  });
  let latest: readonly Task[] = [];
  const actions = isCancellable ? [cancelButton(demo)] : [];
  const render = (isInterrupted: boolean) =>
    workingCard({ title, tasks: latest, since, now: new Date(), usual, jobId, isInterrupted, actions });
  return {
    place: card.place,
    showTasks(tasks) {
      latest = tasks;
      if (!isQuiet) card.show(() => render(false));
    },
    async interrupt() {
      if (isQuiet) return card.close();
      await card
        .settle(render(true))
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'interruption was not shown'));
    },
    settle: card.settle,
    async settleReady() {
      await settleUsable({ card, host, run }, await findDemo(host, demo.name), demo);
    },
    async fail(error, shown) {
      const reasons = error.failed.map((task) => `${taskName(task)}: ${messageOf(task.error)}`);
      await card
        .settle(failedCard({ ...shown, reasons, jobId }))
        .catch((settleError: unknown) => log.warn({ reason: messageOf(settleError) }, 'failure is not on the card'));
    },
    async noteDurations(tasks) {
      const stepMs: Record<string, number> = {};
      for (const { step, tookMs = 0 } of tasks) stepMs[step] = Math.max(stepMs[step] ?? 0, tookMs);
      await noteDurations(host, flow, { totalMs: Date.now() - start, stepMs }).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'durations were not recorded'),
      );
    },
  };
}

/** By what name the durations of a run are kept: a create that claims a warm pair takes a fraction of the time. */
function timedFlow({ name }: Pick<JobRun<WritingJob>, 'name'>, { pair, ready }: Demo): string {
  return name === 'create' && pair !== undefined && ready === undefined ? 'claim' : (flowNames[name] ?? name);
}

/** Shows a change of a demo that can be used on its card, if it has one. Never throws. */
export async function refreshCard(
  run: Pick<JobRun<'verify'>, 'slack' | 'config' | 'log'>,
  host: Cluster,
  demo: Demo,
): Promise<void> {
  const { slack, log } = run;
  const { state } = demo;
  if (!(state === 'ready' || state === 'paused') || demo.card === undefined) return;
  const card = openCard({
    ...{ slack, log },
    audience: { channelId: demo.channel, userId: demo.owner.id },
    place: demo.card,
    remember: (place) => noteCard(host, demo, place),
    everyMs: () => 0,
  });
  await settleUsable({ card, host, run }, demo, demo).catch((error: unknown) =>
    log.warn({ reason: messageOf(error) }, 'card was not refreshed'),
  );
}

/** Undefined for a demo that cannot be used: its card is that of the job that works on it. */
const usableCard = (demo: Demo, config: DemoConfig): SlackMessage | undefined =>
  demo.state === 'ready' ? readyCard(demo, config) : demo.state === 'paused' ? pausedCard(demo, config) : undefined;

interface Settling {
  card: Pick<Card, 'settle' | 'close'>;
  host: Cluster;
  run: Pick<JobRun<'verify'>, 'config' | 'log'>;
}

/**
 * Shows a demo that can be used, and whatever has changed since: an edit that had to wait for Slack may have taken the place of
 * a later one.
 * @param now the demo as it was last seen; undefined if it was deleted meanwhile
 */
async function settleUsable({ card, host, run }: Settling, now: Demo | undefined, demo: Demo): Promise<void> {
  let shown: string | undefined;
  for (let found = now; ;) {
    const isThere = found !== undefined && !isGone(demo, found);
    const next = isThere && found ? usableCard(found, run.config) : undefined;
    const content = next && JSON.stringify(next);
    if (!isThere && shown !== undefined)
      await card.settle(endedCard(demo, { how: 'has been', hasLeft: false, now: host.now() }));
    if (next === undefined || content === shown) return card.close();
    await card.settle(next);
    shown = content;
    found = await findDemo(host, demo.name).catch((error: unknown) => {
      run.log.warn({ reason: messageOf(error) }, 'what the card shows was not compared with the demo');
      return found;
    });
  }
}
