import type { Block, Button, KnownBlock } from '@slack/web-api';
import { plain, type EscapedText, type Mrkdwn } from './mrkdwn.js';

/** A message as people see it, and its plain text for notifications and screen readers. */
export interface SlackMessage {
  text: EscapedText;
  blocks: MessageBlock[];
}

export type MessageBlock = KnownBlock | ChartBlock;

/**
 * A chart. Names and labels have at most 20 characters, and every series has one value for each category.
 * @see https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
 */
export interface ChartBlock extends Block {
  type: 'data_visualization';
  title: string;
  chart: ChartOfSeries | { type: 'pie'; segments: ChartPoint[] };
}

interface ChartOfSeries {
  type: 'bar' | 'line' | 'area';
  series: { name: string; data: ChartPoint[] }[];
  axis_config: { categories: string[]; x_label?: string; y_label?: string };
}

interface ChartPoint {
  label: string;
  value: number;
}

/** A message of paragraphs, the first of which is its plain text, with an optional footer in small print. */
export function messageOfParagraphs(paragraphs: readonly [Mrkdwn, ...Mrkdwn[]], footer?: Mrkdwn): SlackMessage {
  return {
    text: plain(paragraphs[0]),
    blocks: [...paragraphs.flatMap(sections), ...(footer === undefined ? [] : [smallPrint(footer)])],
  };
}

/** Sections of at most 3,000 characters, as Slack requires, split between lines. */
export function sections({ text }: Mrkdwn): KnownBlock[] {
  const parts: string[] = [];
  for (const line of text.split('\n')) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + line.length < 2900) parts[parts.length - 1] = `${last}\n${line}`;
    else parts.push(line.slice(0, 2900));
  }
  return parts.slice(0, 45).map((part) => ({ type: 'section', text: { type: 'mrkdwn', text: part || ' ' } }));
}

/** A line of small print. */
export function smallPrint({ text }: Mrkdwn): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] };
}

// ------------------------------------------------------------------ buttons

/*
 * A button is a command with its words filled in: `verify team-a`. `run` does the same as typing the command. `confirmed`
 * answers the confirmation question and replaces it; `dismiss` removes the question; `form` opens the form of `create`; `home` shows the
 * Home of a host cluster.
 */
export const buttonActions = ['run', 'confirmed', 'dismiss', 'form', 'home'] as const;
export type ButtonAction = (typeof buttonActions)[number];

export interface CommandButton {
  label: string;
  /** What a person would type after `/vcdemo`; for `dismiss`, the text that replaces the question. */
  value: string;
  action?: ButtonAction;
  style?: 'primary' | 'danger';
  /** What Slack asks before the button counts as pressed, with the label as the answer. */
  question?: { title: string; text: EscapedText };
}

/** A row of buttons, with a menu of others at its end. */
export function buttons(row: readonly CommandButton[], menu: readonly CommandButton[] = []): KnownBlock {
  const elements = row.map(({ label, value, action = 'run', style, question }, index): Button => ({
    type: 'button',
    // Slack requires every action in a block to have its own id.
    action_id: `${action}:${index}`,
    text: plainText(label),
    value,
    ...(style && { style }),
    ...(question && {
      confirm: {
        title: { type: 'plain_text', text: question.title },
        text: { type: 'mrkdwn', text: question.text },
        confirm: { type: 'plain_text', text: label },
        deny: { type: 'plain_text', text: 'Cancel' },
      },
    }),
  }));
  const options = menu.map(({ label, value }) => ({ text: plainText(label), value }));
  return {
    type: 'actions',
    elements: [
      ...elements,
      ...(options.length > 0 ? [{ type: 'overflow', action_id: 'run:menu', options } as const] : []),
    ],
  };
}

const plainText = (text: string) => ({ type: 'plain_text', text }) as const;
