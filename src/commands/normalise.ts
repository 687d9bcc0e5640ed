import { mrkdwn } from '../mrkdwn.js';

/*
 * Normalises what people type before it is parsed. Phones, Macs and Slack replace plain characters with lookalikes, none
 * of which has a meaning of its own in a command.
 */

/**
 * The text of a command in plain characters: dashes become hyphens, curly quotes straight quotes, and all white space
 * plain spaces. Invisible characters, backticks, and what stands in front of the command are removed, links become their
 * label, and mentions the bare `<@U…>`, `<#C…>` and `<!subteam^S…>`.
 */
export function normaliseCommandText(text: string): string {
  return unescaped(withoutLinks(text))
    .replace(/[`´]/g, '')
    .normalize('NFKC')
    .replace(spaces, ' ')
    .replace(invisible, '')
    .replace(doubleQuotes, '"')
    .replace(singleQuotes, "'")
    .replace(leadingDashes, (_match, before: string, typed: string) => before + (typed === '-' ? '-' : '--'))
    .replace(dashes, '-')
    .trim()
    .replace(inFront, '');
}

/**
 * The words of a normalised text. Quotes around a word, or around the value after `--flag=`, keep its spaces together and
 * are removed; an unmatched quote is an ordinary character.
 */
export function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"'=]*=)?(?:"[^"]*"|'[^']*')(?!\S)|\S+/g) ?? [];
  return words.map((word) =>
    word.replace(/^([^\s"'=]*=)?(["'])(.*)\2$/s, (_match, flag = '', _quote, value) => flag + value.trim()),
  );
}

/**
 * A word without Slack's marks of bold, italic and struck text, and without what phones put behind it, such as the full stop
 * that two spaces become; with digits that everybody has. A word of nothing else stays as it is.
 */
export function bareWord(word: string): string {
  const bare = word.replace(/^[*_~]+|[*_~.,;:!?。、،؟]+$/g, '') || word;
  return bare.replace(/[٠-٩۰-۹]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
}

/** The inverse, as Slack would send it: normalised and split again, the text has the same words. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (/^<(?:[@#]|!subteam\^)/.test(word) ? word : mrkdwn`${quoted(word)}`.text)).join(' ');
}

/** No word has both kinds of quotes and a space. */
function quoted(word: string): string {
  if (!/[\s"']/.test(word)) return word;
  const [, flag = '', value = ''] = /^(-[^\s"'=]*=)?(.*)$/s.exec(word) ?? [];
  const quote = value.includes('"') ? "'" : '"';
  return `${flag}${quote}${value}${quote}`;
}

/** `<http://x|x>`, `<mailto:a@b|a@b>`, `<@U1|alice>`, `<#C1|general>`, `<!subteam^S1|@ops>`: what Slack makes of links and mentions. */
function withoutLinks(text: string): string {
  return text.replace(/<([^<>|]*)(?:\|([^<>]*))?>/g, (match, target: string, label?: string) => {
    if (/^(?:[@#]|!subteam\^)/.test(target)) return `<${target}>`;
    if (label) return label;
    return /^[a-z]+:/i.test(target) ? target : match;
  });
}

/** @see https://docs.slack.dev/messaging/formatting-message-text#escaping */
function unescaped(text: string): string {
  const characters = { amp: '&', lt: '<', gt: '>' };
  return text.replace(/&(amp|lt|gt);/g, (_match, name: keyof typeof characters) => characters[name]);
}

/** Including line breaks and the blank Braille pattern. */
const spaces = /[\s\u0085\u2800]+/g;
/** Zero-width characters, directional marks, soft hyphens, variation selectors, control characters. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu;
const doubleQuotes = /[“”„‟«»″〝〞〟❝❞❠「」『』]/g;
const singleQuotes = /[‘’‚‛‹›′❛❜❟ʼʻ]/g;
/** Hyphens and dashes of every length, the minus sign and the hyphen bullet. */
const dashes = /[\p{Pd}−⁃˗]/gu;
/** In front of a flag: two hyphens, or the single dash that replaced them. */
const leadingDashes = /(^|[\s"'])([\p{Pd}−⁃˗]+)(?=\p{L})/gu;
/** The mark of a list, of a quotation or after a mention, and the slash command where it is not needed: `• /vcdemo create`. */
const inFront = /^(?:(?:[^\p{L}\p{N}\s]{1,2}|\d{1,2}[.)]) )?(?:\/vcdemo(?: |$))?/u;
