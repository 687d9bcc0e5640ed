import { randomBytes } from 'node:crypto';
import type { CommandName } from '../commands/table.js';
import { Refusal, UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { CommandOutcome } from '../metrics.js';
import { joinMrkdwn, mrkdwn, type Mrkdwn } from '../mrkdwn.js';
import { buttons, messageOfParagraphs, type CommandButton, type SlackMessage } from '../slack-message.js';
import { capitalised } from '../text.js';

/** For a command that no worker has taken for a while. */
export function untakenReply(jobIds: readonly string[]): SlackMessage {
  const ids = jobIds.map((id) => mrkdwn`\`${id}\``);
  return messageOfParagraphs(
    [
      mrkdwn`:hourglass_flowing_sand: Your command is still waiting for a worker. It will be answered when one takes it.`,
    ],
    mrkdwn`Job ${joinMrkdwn(ids, ', ')}; if nothing happens, the vcdemo operators can check the workers.`,
  );
}

/** A command that asks before it runs. */
export interface Question {
  name: CommandName;
  demo: string;
  /** All that was typed, flags too: confirming runs the same command. */
  commandLine: string;
  /** The host cluster that was named in it. */
  on: string | undefined;
  clusters: readonly string[];
}

/**
 * Asks for confirmation before a command is run. If several host clusters could have a demo of that name, each gets a
 * button: a guess could hit the wrong one.
 */
export function confirmationReply(question: Mrkdwn, { name, demo, commandLine, on, clusters }: Question): SlackMessage {
  const label = `${capitalised(name)} ${demo}`;
  const choices =
    on !== undefined
      ? [{ label: `${label} on ${on}`, value: commandLine }]
      : clusters.length === 0
        ? [{ label, value: commandLine }]
        : clusters.map((cluster) => ({ label: `${label} on ${cluster}`, value: `${commandLine} --on ${cluster}` }));
  const yes = choices.map((choice): CommandButton => ({ ...choice, action: 'confirmed', style: 'danger' }));
  const message = messageOfParagraphs([question]);
  const no: CommandButton = { label: 'Keep it', value: `Demo *${demo}* stays.`, action: 'dismiss' };
  return { ...message, blocks: [...message.blocks, buttons([...yes, no])] };
}

/** Says what failed, why, and what to do next. For a defect it gives only a reference; the stack goes to the log. */
export function replyToError(error: unknown, log: Log): SlackMessage {
  if (error instanceof UserError) {
    log.info({ code: error.code, reason: error.message }, 'command refused');
    return messageOfParagraphs([
      mrkdwn`:warning: ${error.message}`,
      ...(error.slackHint === undefined ? [] : [mrkdwn`${error.slackHint}`]),
    ]);
  }
  const reference = randomBytes(4).toString('hex');
  log.error({ err: error, reference }, 'listener failed');
  return messageOfParagraphs([
    mrkdwn`:boom: An internal error occurred in vcdemo.`,
    mrkdwn`Your command may not have been started. Give the vcdemo operators the reference \`${reference}\`; the log has the details.`,
  ]);
}

/** Whether it is up to the person to correct something, or up to the operators. */
export const outcomeOf = (error: unknown): CommandOutcome => (error instanceof Refusal ? 'refused' : 'failed');
