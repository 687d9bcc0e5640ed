import { randomBytes } from 'node:crypto';
import type { types } from '@slack/bolt';
import { UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { CommandOutcome } from '../metrics.js';
import { escapeMrkdwn } from '../slack-text.js';

/** What a person reads; `text` is what notifications and screen readers show of it. */
export interface Reply {
  text: string;
  blocks: types.KnownBlock[];
}

/** Slack refuses sections that are longer. */
const sectionLimit = 3000;

/** A reply of mrkdwn paragraphs and, below them in small print, a footer. Escape what people typed before. */
export function replyOf(paragraphs: string[], footer?: string): Reply {
  return {
    text: paragraphs[0] ?? '',
    blocks: [...paragraphs.map(section), ...(footer === undefined ? [] : [smallPrint(footer)])],
  };
}

/** What was accepted, with the ids of its jobs, by which the workers' messages and logs can be found. */
export function acceptedReply(text: string, jobIds: readonly string[]): Reply {
  const footer = `Job ${jobIds.map((id) => `\`${id}\``).join(', ')}`;
  return { ...replyOf([text], footer), text: `${text} (job ${jobIds.join(', ')})` };
}

/** Says what failed, why and what to do next; of a defect only its reference, its stack goes to the log. */
export function replyToError(error: unknown, log: Log): Reply {
  if (error instanceof UserError) {
    log.info({ code: error.code, reason: error.message }, 'Refused');
    return replyOf([
      `:warning: ${escapeMrkdwn(error.message)}`,
      ...(error.hint === undefined ? [] : [escapeMrkdwn(error.hint)]),
    ]);
  }
  const reference = randomBytes(4).toString('hex');
  log.error({ err: error, reference }, 'A listener failed');
  return replyOf([
    ':boom: Something failed inside vcdemo.',
    `Nothing may have been started. Tell whoever runs vcdemo the reference \`${reference}\`; the log has the details.`,
  ]);
}

/** Whether the person has to correct something, or those who run vcdemo. */
export function outcomeOf(error: unknown): CommandOutcome {
  return error instanceof UserError && !error.code.startsWith('redis-') ? 'refused' : 'failed';
}

function section(text: string): types.KnownBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: text.slice(0, sectionLimit) } };
}

function smallPrint(text: string): types.KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] };
}
