import type { KnownBlock, PlanBlock, TaskCardBlock } from '@slack/web-api';
import { hours } from '../duration.js';
import { isRecord } from '../records.js';
import type { Log } from '../log.js';
import { joinMrkdwn, mention, mrkdwn, slackTime, type Mrkdwn } from '../mrkdwn.js';
import { sections, type ChartBlock, type MessageBlock } from '../slack-message.js';
import { errorCodeOf } from './client.js';

/*
 * Blocks that Slack is still rolling out: `plan`, `data_visualization` and `data_table`. A workspace that does not have one
 * refuses the whole message, so there the same content is sent in sections.
 * @see https://docs.slack.dev/reference/block-kit/blocks
 */

export const newKinds = ['plan', 'data_visualization', 'data_table'] as const;
export type NewKind = (typeof newKinds)[number];

/** Why Slack refused a message with new blocks: the workspace does not have that block, or the block was malformed. */
type BlockRefusal = 'missing' | 'malformed';

type Content = { blocks: readonly MessageBlock[] };

export interface NewBlocks {
  /** Whether the workspace is known not to have the block. */
  isMissing(kind: NewKind): boolean;
  /** The content, with sections in place of the blocks that the workspace does not have. */
  shown<Any extends Content>(content: Any): Any;
  /**
   * Sends content that may have new blocks. If Slack refuses it, a known good block of each kind is sent alone, to find out
   * which of them the workspace does not have; sections take their place. `again`, if given, is called instead of `send` once
   * something has been accepted, for example to edit that message.
   * @throws what `send` throws for other reasons
   */
  send<Any extends Content, Answer>(
    content: Any,
    send: (content: Any) => Promise<Answer>,
    again?: (content: Any, sent: Answer) => Promise<Answer>,
  ): Promise<Answer>;
}

interface NewBlocksOptions {
  log: Log;
  /** Counts a refusal. */
  observe?: (block: NewKind, refusal: BlockRefusal) => void;
  now?: () => number;
}

const rememberedMs = hours(24);

/** Remembers for a day which blocks the workspace does not have. */
export function createNewBlocks({ log, observe, now = Date.now }: NewBlocksOptions): NewBlocks {
  const missingUntil = new Map<NewKind, number>();
  const isMissing = (kind: NewKind) => (missingUntil.get(kind) ?? 0) > now();
  const shown = <Any extends Content>(content: Any): Any => inSections(content, isMissing);

  const note = (kind: NewKind, refusal: BlockRefusal) => {
    observe?.(kind, refusal);
    if (refusal === 'missing') {
      missingUntil.set(kind, now() + rememberedMs);
      log.info({ block: kind }, 'this Slack workspace does not have the block; using sections for a day');
    } else log.error({ block: kind }, 'Slack refused a block that is malformed; sections were sent instead');
  };

  return {
    isMissing,
    shown,
    async send(content, send, again) {
      let sent: { answer: Awaited<ReturnType<typeof send>> } | undefined;
      /** False if Slack refuses the blocks. */
      const tried = async (next: typeof content): Promise<boolean> => {
        try {
          sent = { answer: await (sent && again ? again(next, sent.answer) : send(next)) };
          return true;
        } catch (error) {
          if (isBlockRefusal(error) && newKindsIn(next).length > 0) return false;
          throw error;
        }
      };
      let isSent = await tried(shown(content));
      if (!isSent) {
        const kinds = newKindsIn(shown(content));
        for (const kind of kinds) if (!(await tried({ ...content, blocks: [knownGood[kind]] }))) note(kind, 'missing');
        if (kinds.some(isMissing)) isSent = await tried(shown(content));
        if (!isSent) {
          for (const kind of newKindsIn(shown(content))) note(kind, 'malformed');
          isSent = await tried(inSections(content, () => true));
        }
      }
      return sent!.answer;
    },
  };
}

const newKindsIn = ({ blocks }: Content): NewKind[] =>
  newKinds.filter((kind) => blocks.some(({ type }) => type === kind));

/** Messages are refused with `invalid_blocks`, views with `invalid_arguments`. */
const isBlockRefusal = (error: unknown): boolean =>
  ['invalid_blocks', 'invalid_arguments'].includes(errorCodeOf(error) ?? '');

/** A block of each kind that Slack accepts wherever it has that kind. */
const knownGood: Record<NewKind, MessageBlock> = {
  plan: {
    type: 'plan',
    title: 'vcdemo',
    tasks: [{ type: 'task_card', task_id: 'start', title: 'Starting', status: 'pending' }],
  },
  data_visualization: {
    type: 'data_visualization',
    title: 'vcdemo',
    chart: {
      type: 'bar',
      series: [{ name: 'demos', data: [{ label: 'now', value: 1 }] }],
      axis_config: { categories: ['now'] },
    },
  },
  data_table: {
    type: 'data_table',
    caption: 'vcdemo',
    rows: [[{ type: 'raw_text', text: 'Demo' }], [{ type: 'raw_text', text: 'none' }]],
  },
};

// ------------------------------------------------------------------ the same content in sections

/** The content with sections in place of new blocks of the chosen kinds. */
export function inSections<Any extends Content>(content: Any, isChosen: (kind: NewKind) => boolean): Any {
  if (!content.blocks.some((block) => isNew(block) && isChosen(block.type))) return content;
  return {
    ...content,
    blocks: content.blocks.flatMap((block) => (isNew(block) && isChosen(block.type) ? sectionsOf(block) : [block])),
  };
}

type NewBlock = Extract<MessageBlock, { type: NewKind }>;
const isNew = (block: MessageBlock): block is NewBlock => newKinds.some((kind) => kind === block.type);

function sectionsOf(block: NewBlock): KnownBlock[] {
  switch (block.type) {
    case 'plan':
      return sections(planText(block));
    case 'data_visualization':
      return sections(chartText(block));
    case 'data_table': {
      const [head = [], ...rows] = block.rows;
      const lines = rows.map((row) => mrkdwn`• ${joinMrkdwn(row.map(richText), ' · ')}`);
      return sections(
        joinMrkdwn([mrkdwn`*${block.caption}*`, mrkdwn`_${joinMrkdwn(head.map(richText), ' · ')}_`, ...lines], '\n'),
        mostTableSections,
      );
    }
  }
}

/** Enough for a hundred rows. */
const mostTableSections = 12;

const statusIcons: Record<TaskCardBlock['status'], string> = {
  pending: ':white_small_square:',
  in_progress: ':hourglass_flowing_sand:',
  complete: ':white_check_mark:',
  error: ':x:',
};

function planText({ title, tasks = [] }: PlanBlock): Mrkdwn {
  const lines = (tasks as TaskCardBlock[]).flatMap(({ title: task, status, details, output }) => [
    mrkdwn`${statusIcons[status]} ${task}`,
    ...[details, output].map((more) => more && mrkdwn`        _${joinMrkdwn([richText(more)], '')}_`),
  ]);
  return joinMrkdwn([mrkdwn`*${title}*`, ...lines], '\n');
}

function chartText({ title, chart }: ChartBlock): Mrkdwn {
  const lines =
    chart.type === 'pie'
      ? chart.segments.map(({ label, value }) => mrkdwn`• ${label}: ${value}`)
      : chart.series.map(
          ({ name, data }) => mrkdwn`• ${name}: ${data.map(({ label, value }) => `${label} ${value}`).join(' · ')}`,
        );
  return joinMrkdwn([mrkdwn`*${title}*`, ...lines], '\n');
}

/** The text of rich text or of the cell of a table, escaped. */
function richText(node: unknown): Mrkdwn {
  if (!isRecord(node)) return mrkdwn``;
  const { elements, text, user_id, url, value, timestamp } = node;
  if (Array.isArray(elements)) return joinMrkdwn(elements.map(richText), '');
  if (typeof user_id === 'string') return mention(user_id);
  if (typeof timestamp === 'number') return slackTime(new Date(timestamp * 1000));
  if (typeof text === 'string') return mrkdwn`${text}`;
  if (typeof text === 'object') return richText(text); // the label of a button
  return mrkdwn`${String(url ?? value ?? '')}`;
}
