/*
 * What people type, before it is parsed. Phones, Macs and Slack itself replace what was meant by what looks alike; none of
 * these characters means anything of its own in a command.
 */

/**
 * The text of a command in plain characters: dashes are hyphens, curly quotes straight ones, spaces plain ones; what
 * cannot be seen and backticks are gone; of Slack's links their label is left, of mentions the bare `<@U…>` and `<#C…>`.
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
    .trim();
}

/**
 * The words of a normalised text. Quotes around a word, or around the value behind `--flag=`, keep its spaces and go
 * away; a quote without its partner is an ordinary character.
 */
export function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"'=]*=)?(?:"[^"]*"|'[^']*')(?!\S)|\S+/g) ?? [];
  return words.map((word) =>
    word.replace(/^([^\s"'=]*=)?(["'])(.*)\2$/s, (_match, flag = '', _quote, value) => flag + value),
  );
}

/** `<http://x|x>`, `<mailto:a@b|a@b>`, `<@U1|alice>`, `<#C1|general>`: what Slack makes of links and mentions. */
function withoutLinks(text: string): string {
  return text.replace(/<([^<>|]*)(?:\|([^<>]*))?>/g, (match, target: string, label?: string) => {
    if (/^[@#]/.test(target)) return `<${target}>`;
    if (label) return label;
    return /^[a-z]+:/i.test(target) ? target : match;
  });
}

/** @see https://docs.slack.dev/messaging/formatting-message-text#escaping */
function unescaped(text: string): string {
  const characters = { amp: '&', lt: '<', gt: '>' };
  return text.replace(/&(amp|lt|gt);/g, (_match, name: keyof typeof characters) => characters[name]);
}

/** With line breaks and the blank Braille pattern. */
const spaces = /[\s\u0085\u2800]+/g;
/** Zero-width characters, marks of direction, soft hyphens, variation selectors, control characters. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu;
const doubleQuotes = /[“”„‟«»″〝〞〟]/g;
const singleQuotes = /[‘’‚‛‹›′]/g;
/** Hyphens and dashes of every length, the minus sign and the hyphen bullet. */
const dashes = /[\p{Pd}−⁃˗]/gu;
/** In front of a flag: two hyphens, or the one dash that was made of them. */
const leadingDashes = /(^|[\s"'])([\p{Pd}−⁃˗]+)(?=\p{L})/gu;
