import { randomBytes } from 'node:crypto';
import { Refusal, UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { CommandOutcome } from '../metrics.js';
import { buttons, escapeMrkdwn, messageOfParagraphs, type CommandButton, type SlackMessage } from '../slack-message.js';

/** What was accepted, with the ids of its jobs, by which the workers' messages and logs can be found. */
export function acceptedReply(text: string, jobIds: readonly string[]): SlackMessage {
  const footer = `Job ${jobIds.map((id) => `\`${id}\``).join(', ')}`;
  return { ...messageOfParagraphs([text], footer), text: `${text} (job ${jobIds.join(', ')})` };
}

/**
 * Asks before a command is done. Where several host clusters may have a demo of that name there is a button for each: a
 * guess could hit the wrong one.
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

/** Says what failed, why and what to do next; of a defect only its reference, its stack goes to the log. */
export function replyToError(error: unknown, log: Log): SlackMessage {
  if (error instanceof UserError) {
    log.info({ code: error.code, reason: error.message }, 'Refused');
    return messageOfParagraphs([
      `:warning: ${escapeMrkdwn(error.message)}`,
      ...(error.hint === undefined ? [] : [escapeMrkdwn(error.hint)]),
    ]);
  }
  const reference = randomBytes(4).toString('hex');
  log.error({ err: error, reference }, 'A listener failed');
  return messageOfParagraphs([
    ':boom: Something failed inside vcdemo.',
    `Nothing may have been started. Give the reference \`${reference}\` to whoever runs vcdemo; the log has the details.`,
  ]);
}

/** Whether the person has to correct something, or those who run vcdemo. */
export const outcomeOf = (error: unknown): CommandOutcome => (error instanceof Refusal ? 'refused' : 'failed');
