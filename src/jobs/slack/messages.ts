import type { DemoConfig } from '../../config.js';
import type { Holder } from '../../k8s/claim.js';
import type { Demo } from '../../k8s/demo.js';
import { escapeMrkdwn, plain, sections, smallPrint, type SlackMessage } from '../../slack-message.js';

/*
 * What several commands say, all of it pure; the messages of one command are beside it. Whatever a person or a cluster
 * wrote is escaped.
 */

export const message = (text: string): SlackMessage => ({ text: plain(text), blocks: sections(text) });

/** Says on which host cluster, where there are several. */
export const onCluster = ({ hostCluster }: DemoConfig): string => (hostCluster ? ` on ${hostCluster}` : '');

export const kubeconfigName = (demo: string, user?: string) => `${demo}${user ? `-${user}` : ''}.kubeconfig.yaml`;

/** A text that somebody or some cluster wrote, on one line and not too long. */
export const brief = (text: string) => (text.length > 160 ? `${text.slice(0, 160)}…` : text).replace(/\s+/g, ' ');

/** Shown in the reader's own time zone. @see https://docs.slack.dev/messaging/formatting-message-text#date-formatting */
export function slackTime(date: Date): string {
  return `<!date^${Math.floor(date.getTime() / 1000)}^{date_short_pretty} {time}|${date.toISOString().slice(0, 16).replace('T', ' ')} UTC>`;
}

export const describeState = ({ state, problem }: Demo): string =>
  ({
    creating: 'it is being created, or its creation was cut off',
    ready: 'it is ready',
    failed: `its creation failed${problem ? ` (${escapeMrkdwn(brief(problem))})` : ''}`,
    deleting: 'it is being deleted',
  })[state];

/** Another job has the demo. */
export function beingWorkedOnMessage(demo: string, { purpose, jobId, since }: Holder): SlackMessage {
  const doing: Record<string, string> = {
    create: 'being created',
    delete: 'being deleted',
    expire: 'being deleted, as it has expired',
  };
  return message(
    `:information_source: Demo *${demo}* is ${doing[purpose] ?? `in the hands of ${purpose}`}, since ${slackTime(since)} (job \`${jobId}\`). Nothing was started.\nIts progress is in the channel; \`/vcdemo status ${demo}\` looks at every part.`,
  );
}

export interface Failure {
  /** `Creating demo *demo* failed` */
  title: string;
  reasons: readonly string[];
  hint?: string | undefined;
  jobId: string;
  mention?: string;
  /** What was asked for cannot be: the log has no more about it. */
  isRefusal?: boolean;
}

/** What failed, why, what to do next, and the job for those who read logs. */
export function failureMessage({ title, reasons, hint, jobId, mention, isRefusal }: Failure): SlackMessage {
  const lines = [
    `:x: ${mention ? `<@${mention}> ` : ''}${title}`,
    ...reasons.map((reason) => `> ${escapeMrkdwn(reason).replace(/\n/g, '\n> ')}`),
    ...(hint ? [`*What to do:* ${hint}`] : []),
  ];
  return {
    text: escapeMrkdwn(`${plain(title)}: ${reasons.join('; ')}`).slice(0, 2000),
    blocks: [
      ...sections(lines.join('\n')),
      smallPrint(`Job \`${jobId}\`${isRefusal ? '' : "; the worker's log has the details."}`),
    ],
  };
}

/** Goes with a kubeconfig whose public way the worker could not prove; the configuration lets that pass. */
export const unprovenText = (reason: string): string =>
  `:warning: The worker could not try it out, so it may or may not work for you: ${escapeMrkdwn(reason)}`;
