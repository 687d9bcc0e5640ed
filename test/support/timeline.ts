import type { ActionsBlockElement, AnyBlock, KnownBlock, SectionBlockAccessory, TaskCardBlock } from '@slack/web-api';

/** The content of a message: its blocks if it has any, otherwise its text. */
export interface Content {
  text: string;
  blocks?: KnownBlock[];
}

/** An entry in a channel. */
export interface Entry extends Content {
  /** The timestamp of the message, which identifies it in edits. */
  id: string;
  /** Slack ID of the author. */
  from: string;
  channel: string;
  /** Slack ID of the only person who sees it: in the channel or, if `isDirect`, in the direct messages with the bot. */
  onlyFor?: string;
  isDirect?: boolean;
  /** The message under which it is written. */
  thread?: string;
  /** IDs of attached files. */
  files: string[];
  edited: boolean;
}

type TimelineListener = (entry: Entry, before: Content | undefined) => void;

/** Everything that people in the workspace see, in order of appearance. */
export class Timeline {
  readonly entries: Entry[] = [];
  private readonly listeners: TimelineListener[] = [];

  /** `listener` receives each new entry, and each edit with the previous entry. */
  onChange(listener: TimelineListener): void {
    this.listeners.push(listener);
  }

  add(entry: Omit<Entry, 'id' | 'files' | 'edited'> & Partial<Entry>): Entry {
    const added: Entry = { id: `entry-${this.entries.length}`, files: [], edited: false, ...entry };
    this.entries.push(added);
    this.tell(added, undefined);
    return added;
  }

  edit(id: string, content: Content): void {
    const entry = this.entries.find((one) => one.id === id);
    if (!entry) return;
    const before = { text: entry.text, blocks: entry.blocks ?? [] };
    Object.assign(entry, { blocks: [] }, content, { edited: true });
    this.tell(entry, before);
  }

  private tell(entry: Entry, before: Content | undefined): void {
    for (const listener of this.listeners) listener(entry, before);
  }
}

/** The content with a footer, such as `simulated cluster`. */
export function withNotice<Any extends Partial<Content>>(content: Any, notice: string | undefined): Any {
  if (!notice || !(content.text || content.blocks?.length)) return content;
  const { text = '', blocks = [] } = content;
  return {
    ...content,
    text: `${text} · ${notice}`,
    ...(blocks.length > 0 && {
      blocks: [...blocks, { type: 'context', elements: [{ type: 'mrkdwn', text: notice }] } satisfies KnownBlock],
    }),
  };
}

/** The only reader of an entry, in words; undefined if everybody in the channel sees it. */
export function audienceOf({ onlyFor, isDirect }: Entry, names: ReadonlyMap<string, string>): string | undefined {
  if (onlyFor === undefined) return undefined;
  return `${isDirect ? 'direct message to' : 'only visible to'} ${names.get(onlyFor) ?? onlyFor}`;
}

export interface Button {
  label: string;
  actionId: string;
  value: string;
  dangerous: boolean;
  /** An entry of a menu. */
  isMenu?: boolean;
}

/** The buttons of a message and the entries of its menus, in reading order. */
export function buttonsOf({ blocks = [] }: { blocks?: readonly AnyBlock[] }): Button[] {
  return (blocks as KnownBlock[]).flatMap(elementsOf).flatMap((element): Button[] => {
    if (element.type === 'overflow')
      return element.options.map(({ text, value = '' }) => ({
        ...{ label: text.text, actionId: element.action_id ?? '', value },
        dangerous: false,
        isMenu: true,
      }));
    if (element.type !== 'button') return [];
    const { text, action_id: actionId = '', value = '', style } = element;
    return [{ label: text.text, actionId, value, dangerous: style === 'danger' }];
  });
}

function elementsOf(block: KnownBlock): (ActionsBlockElement | SectionBlockAccessory)[] {
  if (block.type === 'actions') return block.elements;
  if (block.type === 'card') return block.actions ?? [];
  return block.type === 'section' && block.accessory ? [block.accessory] : [];
}

const taskIcons = {
  pending: ':white_small_square:',
  in_progress: ':hourglass_flowing_sand:',
  complete: ':white_check_mark:',
  error: ':x:',
};

/** Paragraphs of mrkdwn in reading order; footers are marked. */
export function paragraphsOf({ text, blocks = [] }: Content): { text: string; small: boolean }[] {
  const read = blocks.flatMap((block) => {
    const small = (shown: string) => ({ text: shown, small: true });
    const large = (shown: string) => ({ text: shown, small: false });
    switch (block.type) {
      case 'section':
        return [block.text, ...(block.fields ?? [])].flatMap((one) => (one ? [large(one.text)] : []));
      case 'header':
        return [large(`*${block.text.text}*`)];
      case 'context':
        return block.elements.flatMap((one) => ('text' in one ? [small(one.text)] : []));
      case 'plan':
        return [large(`*${block.title}*`), ...((block.tasks ?? []) as TaskCardBlock[]).flatMap(taskParagraphs)];
      case 'card':
        return [block.title, block.subtitle, block.body].flatMap((one) => (one ? [large(one.text)] : []));
      case 'data_table':
        return [large(block.rows.map((row) => row.map(textIn).join('  ')).join('\n'))];
      case 'rich_text':
        return [large(textIn(block))];
      default:
        return [];
    }
  });
  return read.length > 0 ? read : [{ text, small: false }];
}

function taskParagraphs({ title, status, details, output }: TaskCardBlock) {
  const more = [details, output].flatMap((one) => (one ? [{ text: textIn(one), small: true }] : []));
  return [{ text: `${taskIcons[status]} ${title}`, small: false }, ...more];
}

/** All text in rich text or a cell. */
function textIn(node: unknown): string {
  if (typeof node !== 'object' || node === null) return '';
  const { text, elements, user_id: user, fallback, value } = node as Record<string, unknown>;
  if (typeof text === 'string') return text;
  if (Array.isArray(elements)) return elements.map(textIn).join('');
  if (typeof user === 'string') return `<@${user}>`;
  if (typeof fallback === 'string') return fallback;
  return typeof value === 'number' ? String(value) : '';
}
