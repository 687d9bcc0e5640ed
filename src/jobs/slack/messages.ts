import type { ButtonDemo } from './demo-buttons.js';
import { commandLine } from '../../commands/command-line.js';
import type { WritingJob } from '../../commands/job-payloads.js';
import type { DemoConfig } from '../../config.js';
import { formatDuration } from '../../duration.js';
import type { Holder } from '../../k8s/demo/lease.js';
import type { Demo } from '../../k8s/demo/demo.js';
import { idleEnd } from '../../k8s/demo/idle.js';
import { joinMrkdwn, mention, mrkdwn, plain, slackTime, type Mrkdwn } from '../../mrkdwn.js';
import { sections, smallPrint, type SlackMessage } from '../../slack-message.js';
import { firstCharacters } from '../../text.js';

/* Messages shared by several commands, as pure functions; those of a single command are next to it. */

export const message = (text: Mrkdwn): SlackMessage => ({ text: plain(text), blocks: sections(text) });

/** Names the host cluster, if there are several. */
export const onCluster = ({ hostCluster }: DemoConfig): string => (hostCluster ? ` on ${hostCluster}` : '');

export const kubeconfigName = (demo: string, user?: string) => `${demo}${user ? `-${user}` : ''}.kubeconfig.yaml`;

/** Text from a person or a cluster, shortened to one line of at most this many characters. */
export const brief = (text: string, most = 160) =>
  (text.length > most ? `${firstCharacters(text, most)}…` : text).replace(/\s+/g, ' ');

/** A line for each of the first, and how many more there are. */
export function firstLines<Item>(
  items: readonly Item[],
  most: number,
  lineOf: (item: Item, index: number) => Mrkdwn,
  more = (count: number): Mrkdwn => mrkdwn`and ${count} more`,
): Mrkdwn[] {
  const rest = items.length - most;
  return [...items.slice(0, most).map(lineOf), ...(rest > 0 ? [more(rest)] : [])];
}

/** The first of these names, and how many more there are. */
export const firstNames = (names: readonly string[], most: number): Mrkdwn =>
  joinMrkdwn(
    firstLines(names, most, (name) => mrkdwn`${name}`),
    ', ',
  );

/**
 * When a demo ends, and that it is paused before that if nobody uses it. A message that is not kept up to date says after how
 * long, another one at what time.
 */
export function lifetimeText(
  demo: Demo,
  config: Pick<DemoConfig, 'autoPause'>,
  says: 'time' | 'duration' = 'time',
): Mrkdwn {
  const { expires, paused } = demo;
  if (paused?.leftMs !== undefined)
    return mrkdwn`Its lifetime is on hold: it will have ${formatDuration(paused.leftMs)} left when it is resumed.`;
  const idle = idleEnd(demo, config);
  const { idle: unusedMs } = config.autoPause;
  if (idle === undefined || unusedMs === undefined || idle >= expires) return mrkdwn`It expires ${slackTime(expires)}.`;
  const unused =
    says === 'duration'
      ? mrkdwn`after ${formatDuration(unusedMs)} without use`
      : mrkdwn`${slackTime(idle)} unless somebody uses it before then`;
  return mrkdwn`It is paused ${unused}, and expires ${slackTime(expires)}.`;
}

/** When a demo ends, in the middle of a sentence. */
export const endText = ({ paused, expires }: Pick<Demo, 'paused' | 'expires'>): Mrkdwn =>
  paused?.leftMs === undefined
    ? mrkdwn`expires ${slackTime(expires)}`
    : mrkdwn`has ${formatDuration(paused.leftMs)} left when it is resumed`;

/** What a create of a demo is; one that was ready before is repaired or resumed. */
export const kindOfCreate = ({ ready }: Pick<Demo, 'ready'>): string =>
  ready === undefined ? 'creation' : 'restoration';

/** As its record says: whether a job is working on it, or has yet to go on, only the claim and the queues know. */
export const describeState = (demo: Demo): string =>
  ({
    creating: `its ${kindOfCreate(demo)} has not finished yet`,
    ready: 'it is ready',
    paused: 'it is paused',
    failed: `its ${kindOfCreate(demo)} failed${demo.problem ? ` (${brief(demo.problem)})` : ''}`,
    deleting: 'its deletion has not finished yet',
  })[demo.state];

/** What happens to a demo while a job has it; a worker of another version may run others. */
const doing: Record<WritingJob, string> = {
  create: 'it is being created',
  delete: 'it is being deleted',
  pause: 'it is being paused',
  resume: 'it is being resumed',
  expire: 'it is being deleted because it has expired',
  revoke: 'access to it is being revoked',
  renew: 'its certificates are being renewed',
  autopause: 'it is being paused because nobody uses it',
  remind: 'its owner is being reminded that it expires soon',
  warm: 'it is being made for the pool',
  drain: 'it is being deleted from the pool',
};

/** What the job that holds the claim on a demo does, in a sentence. */
export const describeActivity = (purpose: string): string =>
  new Map(Object.entries(doing)).get(purpose) ?? `another job (\`${purpose}\`) is working on it`;

/** Another job holds the claim on the demo. */
export function beingWorkedOnMessage(demo: ButtonDemo, { purpose, jobId, since }: Holder): SlackMessage {
  return message(
    mrkdwn`:information_source: Demo *${demo.name}* is busy: ${describeActivity(purpose)} (since ${slackTime(since)}, job \`${jobId}\`). Nothing was started.\nIts card in the channel shows the progress; ${commandLine(demo, 'status')} checks every part.`,
  );
}

/** A job has not begun because the host cluster does not answer. */
export const waitingForHostMessage = (demo: string, problem: string, withinMs: number): SlackMessage =>
  message(
    mrkdwn`:hourglass_flowing_sand: Demo *${demo}* has to wait: ${brief(problem, 300)}. vcdemo keeps trying for ${formatDuration(withinMs)}.`,
  );

export interface Failure {
  /** `Creating demo *demo* failed` */
  title: Mrkdwn;
  reasons: readonly string[];
  hint?: string | Mrkdwn | undefined;
  jobId: string;
  mention?: string;
  /** The request was refused: the log has no more about it. */
  isRefusal?: boolean;
}

/** What failed, why, what to do next, and the job ID for those who read the logs. */
export function failureMessage({ title, reasons, hint, jobId, mention: userId, isRefusal }: Failure): SlackMessage {
  const quoted = reasons.flatMap((reason) => reason.split('\n').map((line) => mrkdwn`> ${line}`));
  const lines = [
    mrkdwn`:x: ${userId && mrkdwn`${mention(userId)} `}${title}`,
    ...quoted,
    hint && mrkdwn`*What to do:* ${hint}`,
  ];
  return {
    text: plain(mrkdwn`${title}: ${firstCharacters(reasons.join('; '), 2000)}`),
    blocks: [
      ...sections(joinMrkdwn(lines, '\n')),
      smallPrint(mrkdwn`Job \`${jobId}\`${isRefusal ? '' : "; the worker's log has the details."}`),
    ],
  };
}

/** The answer to a command that a worker has carried out without being able to say so. */
export const carriedOutMessage = (command: string, demo: ButtonDemo): SlackMessage =>
  message(
    mrkdwn`:information_source: \`${command} ${demo.name}\` has already been carried out. ${commandLine(demo, 'status')} shows the demo as it is now.`,
  );

/** For a kubeconfig whose public address the worker could not prove, where the configuration permits that. */
export const unprovenText = (reason: string): Mrkdwn =>
  mrkdwn`:warning: The worker could not test this kubeconfig, so it may or may not work for you: ${reason}`;

const verdictIcons = { pass: ':white_check_mark:', inconclusive: ':warning:', fail: ':x:' };

/** What the last verify found, in a line. */
export function verdictText({ verdict }: Demo): Mrkdwn | false {
  if (verdict === undefined) return false;
  return mrkdwn`Last verify, ${slackTime(verdict.at)}: ${verdictIcons[verdict.outcome]} ${brief(verdict.reason)}`;
}
