import { firstCharacters } from './text.js';

/*
 * Text in Slack's mrkdwn. Whatever a person or a cluster wrote is escaped when it is put in, so that it cannot mention
 * anybody or add a link; a string that has not been through here does not compile where mrkdwn is expected.
 */

declare const isEscaped: unique symbol;
/** A string that Slack can parse safely. */
export type EscapedText = string & { readonly [isEscaped]: true };

class MrkdwnText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): EscapedText {
    return this.#text as EscapedText;
  }

  /** A mistake: in a string it would be escaped a second time. */
  toString(): never {
    throw new TypeError('mrkdwn was put into a plain string; use the tag `mrkdwn`');
  }

  toJSON(): string {
    return this.#text;
  }
}

/** Made by `mrkdwn`, `joinMrkdwn`, `mention` and `slackTime` only. */
export type Mrkdwn = MrkdwnText;

/** What can be put into mrkdwn: strings are escaped, and what is missing is left out. */
type MrkdwnValue = string | number | Mrkdwn | false | undefined;

/**
 * The tag of a template literal in mrkdwn: mrkdwn`Demo *${name}* is ready`. Inside a code span or block, a value cannot
 * end it.
 */
export function mrkdwn(literals: TemplateStringsArray, ...values: readonly MrkdwnValue[]): Mrkdwn {
  let text = '';
  let isCode = false;
  literals.forEach((literal, index) => {
    isCode = endsInCode(literal, isCode);
    const shown = escaped(values[index]);
    text += literal + (isCode ? shown.replaceAll('`', 'ˋ') : shown);
  });
  return new MrkdwnText(text);
}

/** Joins what is not empty. */
export function joinMrkdwn(parts: readonly MrkdwnValue[], separator: string): Mrkdwn {
  return new MrkdwnText(parts.map(escaped).filter(Boolean).join(escaped(separator)));
}

/** Shown as the person's name, who is notified. */
export function mention(userId: string): Mrkdwn {
  return /^[UW][A-Z0-9]+$/.test(userId) ? new MrkdwnText(`<@${userId}>`) : mrkdwn`${userId}`;
}

/** Shown as the channel's name, which leads there. */
export function channelMention(channelId: string): Mrkdwn {
  return /^[CG][A-Z0-9]+$/.test(channelId) ? new MrkdwnText(`<#${channelId}>`) : mrkdwn`${channelId}`;
}

/** A person, a user group or a channel, shown by name. */
export function mentionAny(id: string): Mrkdwn {
  if (/^S[A-Z0-9]+$/.test(id)) return new MrkdwnText(`<!subteam^${id}>`);
  if (/^[CG][A-Z0-9]+$/.test(id)) return new MrkdwnText(`<#${id}>`);
  return mention(id);
}

/** Shown in the reader's own time zone. @see https://docs.slack.dev/messaging/formatting-message-text#date-formatting */
export function slackTime(date: Date): Mrkdwn {
  const utc = date.toISOString().slice(0, 16).replace('T', ' ');
  return new MrkdwnText(`<!date^${Math.floor(date.getTime() / 1000)}^{date_short_pretty} {time}|${utc} UTC>`);
}

/** The beginning of a text, without an entity or a mention that would be cut. */
export function clipMrkdwn(shown: Mrkdwn, longest: number): Mrkdwn {
  if (shown.text.length <= longest) return shown;
  const beginning = firstCharacters(shown.text, longest - 1).replace(/(?:&[a-z]*|<[^<>]*)$/, '');
  return new MrkdwnText(`${beginning}…`);
}

/** Parts of at most so many characters, split between lines; a line that is longer is clipped. */
export function splitMrkdwn({ text }: Mrkdwn, longest: number): Mrkdwn[] {
  const parts: string[] = [];
  for (const whole of text.split('\n')) {
    const line = clipMrkdwn(new MrkdwnText(whole), longest).text;
    const last = parts.at(-1);
    if (last !== undefined && last.length + line.length < longest) parts[parts.length - 1] = `${last}\n${line}`;
    else parts.push(line);
  }
  return parts.map((part) => new MrkdwnText(part));
}

/** Slack suggests at most 4,000 characters. */
const longestPlain = 3_900;

/** For notifications and screen readers: no formatting, no emoji, times in UTC. */
export function plain({ text }: Mrkdwn): EscapedText {
  const shown = text
    .replace(/(?<!\S):[a-z_]+: ?/g, '')
    .replace(/<!date\^[^|<]+\|([^<>]+)>/g, '$1')
    .replace(/[*`]/g, '');
  return clipMrkdwn(new MrkdwnText(shown), longestPlain).text;
}

/** @see https://docs.slack.dev/messaging/formatting-message-text#escaping */
function escaped(value: MrkdwnValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof MrkdwnText) return value.text;
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function endsInCode(literal: string, startsInCode: boolean): boolean {
  const backticks = literal.split('`').length - 1;
  return backticks % 2 === 1 ? !startsInCode : startsInCode;
}
