import type { Block, Button, KnownBlock } from '@slack/web-api';
import { clipMrkdwn, plain, splitMrkdwn, type EscapedText, type Mrkdwn } from './mrkdwn.js';
import { firstCharacters } from './text.js';

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
    blocks: [
      ...paragraphs.flatMap((paragraph) => sections(paragraph)),
      ...(footer === undefined ? [] : [smallPrint(footer)]),
    ],
  };
}

/** Slack allows 3,000 characters in a block. */
const longestBlock = 2_900;
/** More of one text than fits into so many sections is not read by anybody. */
const mostSections = 4;

/** Sections, split between lines. */
export function sections(shown: Mrkdwn, most: number = mostSections): KnownBlock[] {
  const parts = splitMrkdwn(clipMrkdwn(shown, most * longestBlock), longestBlock);
  return parts
    .slice(0, most)
    .map(({ text }) => ({ type: 'section', text: { type: 'mrkdwn', text: text.trim() === '' ? ' ' : text } }));
}

/** A line of small print. */
export function smallPrint(shown: Mrkdwn): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: clipMrkdwn(shown, longestBlock).text }] };
}

// ------------------------------------------------------------------ buttons

/*
 * A button is a command with its words filled in: `verify team-a`. `run` does the same as typing the command. `confirmed`
 * answers the confirmation question and replaces it; `dismiss` removes the question; `form` opens the form of `create`; `home` shows the
 * Home of a host cluster.
 */
export const buttonActions = ['run', 'confirmed', 'dismiss', 'form', 'home'] as const;
type ButtonAction = (typeof buttonActions)[number];

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

/** As many as Slack allows in one block. */
const mostInRow = 25;

/** As many rows of buttons as it takes. */
export function buttonRows(all: readonly CommandButton[]): KnownBlock[] {
  const count = Math.ceil(all.length / mostInRow);
  return Array.from({ length: count }, (_, index) => buttons(all.slice(index * mostInRow, (index + 1) * mostInRow)));
}

const longestLabel = 75;

const plainText = (text: string) => ({ type: 'plain_text', text: firstCharacters(text, longestLabel) }) as const;
