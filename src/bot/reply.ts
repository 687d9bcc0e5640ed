import { randomBytes } from 'node:crypto';
import { Refusal, UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { CommandOutcome } from '../metrics.js';
import { buttons, escapeMrkdwn, messageOfParagraphs, type CommandButton, type SlackMessage } from '../slack-message.js';

/** What was accepted, with the ids of its jobs, which also appear in the workers' messages and logs. */
export function acceptedReply(text: string, jobIds: readonly string[]): SlackMessage {
  const footer = `Job ${jobIds.map((id) => `\`${id}\``).join(', ')}`;
  return { ...messageOfParagraphs([text], footer), text: `${text} (job ${jobIds.join(', ')})` };
}

/**
 * Asks for confirmation before a command is run. If several host clusters could have a demo of that name, each gets a
 * button: a guess could hit the wrong one.
 */
export function confirmationReply(question: string, commandLine: string, clusters: readonly string[]): SlackMessage {
  const [verb = '', demo = ''] = commandLine.split(' ');
  const label = `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${demo}`;
  const yes: CommandButton[] = (clusters.length > 0 ? clusters : [undefined]).map((cluster) => ({
    label: cluster === undefined ? label : `${label} on ${cluster}`,
    value: cluster === undefined ? commandLine : `${commandLine} --on ${cluster}`,
    action: 'confirmed',
    style: 'danger',
  }));
  const message = messageOfParagraphs([question]);
  const no: CommandButton = { label: 'Keep it', value: `Demo *${demo}* stays.`, action: 'dismiss' };
  return { ...message, blocks: [...message.blocks, buttons([...yes, no])] };
}

/** Says what failed, why, and what to do next. For a defect it gives only a reference; the stack goes to the log. */
export function replyToError(error: unknown, log: Log): SlackMessage {
  if (error instanceof UserError) {
    log.info({ code: error.code, reason: error.message }, 'command refused');
    return messageOfParagraphs([
      `:warning: ${escapeMrkdwn(error.message)}`,
      ...(error.hint === undefined ? [] : [escapeMrkdwn(error.hint)]),
    ]);
  }
  const reference = randomBytes(4).toString('hex');
  log.error({ err: error, reference }, 'listener failed');
  return messageOfParagraphs([
    ':boom: An internal error occurred in vcdemo.',
    `Your command may not have been started. Give the vcdemo operators the reference \`${reference}\`; the log has the details.`,
  ]);
}

/** Whether it is up to the person to correct something, or up to the operators. */
export const outcomeOf = (error: unknown): CommandOutcome => (error instanceof Refusal ? 'refused' : 'failed');
