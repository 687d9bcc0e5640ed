import type { KnownBlock } from '@slack/web-api';

/** A message as people see it, and its text for notifications and screen readers. */
export interface SlackMessage {
  text: string;
  blocks: KnownBlock[];
}

/**
 * Text that somebody or some cluster wrote, safe inside Slack's mrkdwn: no mentions, no links.
 * @see https://docs.slack.dev/messaging/formatting-message-text#escaping
 */
export function escapeMrkdwn(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Sections of at most 3,000 characters, as Slack wants them, cut between lines. */
export function sections(text: string): KnownBlock[] {
  const parts: string[] = [];
  for (const line of text.split('\n')) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + line.length < 2900) parts[parts.length - 1] = `${last}\n${line}`;
    else parts.push(line.slice(0, 2900));
  }
  return parts.slice(0, 45).map((part) => ({ type: 'section', text: { type: 'mrkdwn', text: part || ' ' } }));
}

/** A line of small print. */
export function smallPrint(text: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] };
}
