import { firstCharacters } from './text.js';

/*
 * Prepares text from clusters, tools and strangers for people: secrets are removed and the length is limited. It takes
 * linear time (`npm run bench:text`): a pattern must not start at every character of a long word, nor search for its end
 * once per start.
 */

/** The longest text that is examined, in characters. The middle of a longer one is dropped unread. */
const longestText = 64_000;

type Rule = readonly [pattern: RegExp, replacement: string | ((match: string) => string)];

const rules: readonly Rule[] = [
  [/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(-----END \1-----|$)/g, '[$1 removed]'],
  [/\bxox[a-z]?-[\w-]+|\bxapp-[\w-]+/g, '[Slack token removed]'],
  [/[\w.-]+/g, withoutJsonWebToken],
  [/\b(?:k8s-aws-v1\.|ya29\.|gh[a-z]_|github_pat_|glpat-)[\w.-]+/g, '[token removed]'],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, '$1 [removed]'],
  [/((?:-data|token|password|secret|\.pem)"?\s*[:=]\s*"?)[\w+/=.-]{16,}/gi, '$1[removed]'],
  [/([?&](?:sig|signature|key|auth)=)[^\s&"']+/gi, '$1[removed]'],
  [/(:\/\/[^\s:/@]*:)[^\s/]*@/g, '$1[removed]@'],
  [/:\/\/[^\s:/@]{20,}@/g, '://[removed]@'],
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{120,}={0,2}/g, '[data removed]'],
];

/** The text without PEM blocks, tokens, passwords in URLs and long base64; only the two ends of a very long text. */
export function redact(text: string): string {
  if (text.length <= longestText) return withoutSecrets(text);
  const head = beginningOf(text.slice(0, longestText / 2));
  const tail = endOf(text.slice(-longestText / 2));
  const omitted = text.length - head.length - tail.length;
  return `${withoutSecrets(head)} [${omitted} characters omitted] ${withoutSecrets(tail)}`;
}

function withoutSecrets(text: string): string {
  return rules.reduce(
    (clean, [pattern, replacement]) =>
      // One overload of `replace` each.
      typeof replacement === 'string' ? clean.replace(pattern, replacement) : clean.replace(pattern, replacement),
    text,
  );
}

/** A word with two dots after `eyJ`, which is how a JSON object starts in base64. */
function withoutJsonWebToken(word: string): string {
  const start = word.search(/(?<!\w)eyJ/);
  return start >= 0 && word.slice(start).split('.', 3).length === 3 ? `${word.slice(0, start)}[token removed]` : word;
}

/** Up to the last space: half a secret after it might not be recognised. */
function beginningOf(text: string): string {
  return text.slice(0, Math.max(0, text.search(/\s\S*$/)));
}

/** From the first space on, after the PEM block that the text may start in. */
function endOf(text: string): string {
  if (blockMarker.exec(text)?.index === 0) return text; // nothing is cut: a block starts or ends exactly here
  const rest = afterCutBlock(text);
  const start = rest.search(/\s/);
  return start < 0 ? '' : rest.slice(start);
}

const blockMarker = /-----(BEGIN|END) [A-Z0-9 ]+-----/;

/** What follows the PEM block in which the text begins, if it begins in one. */
function afterCutBlock(text: string): string {
  const marker = blockMarker.exec(text);
  return marker?.[1] === 'END' ? text.slice(marker.index + marker[0].length) : text;
}

/**
 * The last lines of a log that may begin anywhere, at most `most` characters of them: without secrets, and without the rest
 * of one that began before.
 */
export function redactedEnd(text: string, most: number): string {
  const end = text.length <= most ? text : fromNextLine(text.slice(-most));
  const rest = afterCutBlock(end);
  return rest === end ? redact(end) : `[the rest of a secret removed]${redact(rest)}`;
}

/** From the next line on, or the next word of a line that is longer. */
function fromNextLine(text: string): string {
  const start = text.search(text.includes('\n') ? /\n/ : /\s/);
  return start < 0 ? '' : text.slice(start + 1);
}

/** At most `length` characters, from the end of the text, where tools put the reason. */
export function shorten(text: string, length = 600): string {
  const trimmed = text.trim();
  return trimmed.length <= length ? trimmed : `… ${trimmed.slice(-length)}`;
}

/** At most `length` characters, from the start of the text, where clusters put what matters. */
export function clip(text: string, length = 600): string {
  return text.length <= length ? text : `${firstCharacters(text, length)}…`;
}
