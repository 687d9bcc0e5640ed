import type { KnownBlock } from '@slack/web-api';

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
  /** IDs of attached files. */
  files: string[];
  edited: boolean;
}

export type TimelineListener = (entry: Entry, before: Content | undefined) => void;

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
}

export function buttonsOf({ blocks = [] }: Content): Button[] {
  return blocks
    .flatMap((block) => (block.type === 'actions' ? block.elements : []))
    .flatMap((element) =>
      element.type === 'button'
        ? {
            label: element.text.text,
            actionId: element.action_id ?? '',
            value: element.value ?? '',
            dangerous: element.style === 'danger',
          }
        : [],
    );
}

/** Paragraphs of mrkdwn in reading order; footers are marked. */
export function paragraphsOf({ text, blocks = [] }: Content): { text: string; small: boolean }[] {
  const read = blocks.flatMap((block) => {
    if (block.type === 'section' && block.text) return [{ text: block.text.text, small: false }];
    if (block.type === 'context')
      return block.elements.flatMap((one) => ('text' in one ? [{ text: one.text, small: true }] : []));
    return [];
  });
  return read.length > 0 ? read : [{ text, small: false }];
}
