import type { JobPayload } from '../../commands/job-payloads.js';
import { commandWords } from '../../commands/command-line.js';
import { commands, type AskingCommand } from '../../commands/table.js';
import { formatDuration, minutes, parseDuration, seconds } from '../../duration.js';
import { Refusal } from '../../errors.js';
import { holderNow } from '../../k8s/demo/claim-holder.js';
import type { Cluster } from '../../k8s/client/cluster.js';
import type { Demo } from '../../k8s/demo/demo.js';
import { claimNamespace } from '../../k8s/demo/managed-by.js';
import { joinMrkdwn, mention, mentionAny, mrkdwn, type Mrkdwn } from '../../mrkdwn.js';
import { buttons, type SlackMessage } from '../../slack-message.js';
import { requireDemo, requireReadyDemo, type RunOnDemo } from '../find-demo.js';
import { withHost } from '../host-cluster.js';
import type { Handler } from '../job-run.js';
import { receiversOf } from '../slack/files.js';
import { describeActivity, describeState, endText, message } from '../slack/messages.js';
import { deleteQuestion } from './delete/messages.js';
import { revokeQuestion } from './revoke/messages.js';

interface Asking {
  /** The demo, if the command could run on it. */
  find: (host: Cluster, run: RunOnDemo) => Promise<Demo>;
  question: (demo: Demo, person: string | undefined) => Mrkdwn;
  /** What the button says that confirms it. */
  label: (demo: Demo, person: string | undefined) => string;
}

/** Only the host cluster is in question. */
const askWhere = (verb: string): Asking => ({
  find: requireDemo,
  question: ({ name }) => mrkdwn`There are several host clusters. Is this the demo *${name}* that you mean?`,
  label: ({ name }) => `${verb} ${name}`,
});

const asking: Record<AskingCommand, Asking> = {
  extend: askWhere('Extend'),
  pause: askWhere('Pause'),
  resume: askWhere('Resume'),
  share: askWhere('Share'),
  transfer: askWhere('Transfer'),
  delete: { find: requireDemo, question: deleteQuestion, label: ({ name }) => `Delete ${name}` },
  revoke: {
    find: requireReadyDemo,
    question: revokeQuestion,
    label: ({ name }, person) => (person === undefined ? `Replace all keys of ${name}` : `Revoke access to ${name}`),
  },
};

/** Looks up the demo and asks whether the command is meant, with the facts; a button answers with the command itself. */
export const question: Handler<'question'> = (run) =>
  withHost(run, async (host) => {
    const { payload, slack } = run;
    const { command, person, requester } = payload;
    const isSure = commands[command].asks === 'where';
    const { find, question: questionOf, label } = asking[command];
    const demo = await find(host, { ...run, name: command });
    const holder = await holderNow(host, claimNamespace(host), demo.name);
    const words = [...wordsOf(payload), ...(isSure ? [] : ['--shown', creationOf(demo)])];
    await slack.whisper(
      requester,
      questionMessage(demo, {
        label: label(demo, person),
        confirmedBy: commandWords(demo, command, ...words),
        question: questionOf(demo, person),
        purpose: holder?.purpose,
        isSure,
      }),
    );
  });

/** What was typed after the name of the demo. */
const wordsOf = ({ person, audience, byMs, stop }: JobPayload<'question'>): string[] => [
  ...[person, audience].flatMap((id) => (id === undefined ? [] : [mentionAny(id).text])),
  ...(byMs === undefined ? [] : [durationWord(byMs)]),
  ...(stop ? ['--stop'] : []),
];

/** As people write it, if that is exact. */
function durationWord(ms: number): string {
  const short = formatDuration(ms);
  return parseDuration(short) === ms ? short : `${ms / seconds(1)}s`;
}

/** Tells a demo from earlier and later ones of its name. */
const creationOf = ({ created }: Demo): string => created.getTime().toString(36);

/**
 * Checks that a command was confirmed for this demo, not for an earlier one of its name.
 * @param shown undefined if the question was asked by an earlier version, which showed no demo
 * @throws Refusal `command-over`
 */
export function assertShown(demo: Demo, shown: string | undefined): void {
  if (shown === undefined || shown === creationOf(demo)) return;
  throw new Refusal('command-over', `Demo ${demo.name} was deleted and created again since you were asked.`, {
    hint: 'If you still want it, send the command again.',
  });
}

interface Question {
  label: string;
  /** The command that confirms it. */
  confirmedBy: string;
  question: Mrkdwn;
  /** The job that holds the claim on it. */
  purpose: string | undefined;
  /** Only the host cluster is in question; otherwise the command itself, which takes something away. */
  isSure?: boolean;
}

export function questionMessage(
  demo: Demo,
  { label, confirmedBy, question, purpose, isSure = false }: Question,
): SlackMessage {
  const { hostCluster: where, owner, created, shared } = demo;
  const others = receiversOf(demo).filter(({ to }) => to !== owner.id);
  const age = formatDuration(wholeMinutes(Date.now() - created.getTime()));
  const facts = [
    mrkdwn`It belongs to ${mention(owner.id)}${where && ` on ${where}`}, is ${age} old and ${endText(demo)}; ${describeState(demo)}.`,
    others.length > 0 &&
      mrkdwn`Others with a kubeconfig: ${joinMrkdwn(
        others.map(({ to }) => mentionAny(to)),
        ', ',
      )}.`,
    shared.length > 0 && mrkdwn`Shared with ${joinMrkdwn(shared.map(mentionAny), ', ')}.`,
    purpose && mrkdwn`:warning: It is busy: ${describeActivity(purpose)}.`,
  ];
  const { text, blocks } = message(joinMrkdwn([question, ...facts], '\n'));
  const answers = buttons([
    {
      label: `${label}${where === undefined ? '' : ` on ${where}`}`,
      ...{ value: confirmedBy, action: 'confirmed', style: isSure ? 'primary' : 'danger' },
    },
    { label: 'Cancel', value: 'Nothing was changed.', action: 'dismiss' },
  ]);
  return { text, blocks: [...blocks, answers] };
}

const wholeMinutes = (ms: number): number => Math.max(1, Math.floor(ms / minutes(1))) * minutes(1);
