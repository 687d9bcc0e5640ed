/*
 * What is written by clusters, tools and strangers is made fit for people here: secrets removed, length bounded. The time
 * this takes grows with the length of the text and no faster (`npm run bench:text`): a pattern may neither start at every
 * character of a long word nor look for its end once per start.
 */

/** The longest text that anything looks at; characters. The middle of a longer one is left out unread. */
const longestText = 64_000;

type Rule = readonly [pattern: RegExp, replacement: string | ((match: string) => string)];

const rules: readonly Rule[] = [
  [/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(-----END \1-----|$)/g, '[$1 removed]'],
  [/\bxox[a-z]?-[\w-]+|\bxapp-[\w-]+/g, '[Slack token removed]'],
  [/[\w.-]+/g, withoutJsonWebToken],
  [/\b(?:k8s-aws-v1\.|ya29\.|gh[a-z]_|github_pat_|glpat-)[\w.-]+/g, '[token removed]'],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, '$1 [removed]'],
  [/((?:-data|token|password|secret|\.pem)"?\s*[:=]\s*"?)[\w+/=.-]{16,}/gi, '$1[removed]'],
  [/(:\/\/[^\s:/@]*:)[^\s/]*@/g, '$1[removed]@'],
  [/:\/\/[^\s:/@]{20,}@/g, '://[removed]@'],
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{120,}={0,2}/g, '[data removed]'],
];

/** The text without PEM blocks, tokens, passwords in URLs and long runs of base64; of a very long one its two ends. */
export function redact(text: string): string {
  if (text.length <= longestText) return withoutSecrets(text);
  const head = beginningOf(text.slice(0, longestText / 2));
  const tail = endOf(text.slice(-longestText / 2));
  const omitted = text.length - head.length - tail.length;
  return `${withoutSecrets(head)} [${omitted} characters left out] ${withoutSecrets(tail)}`;
}

function withoutSecrets(text: string): string {
  return rules.reduce(
    // One of the two overloads of `replace` has to be chosen for the compiler.
    (clean, [pattern, replacement]) => clean.replace(pattern, replacement as string),
    text,
  );
}

/** A word with two dots behind `eyJ`, which is how a JSON object begins in base64. */
function withoutJsonWebToken(word: string): string {
  const start = word.search(/(?<!\w)eyJ/);
  return start >= 0 && word.slice(start).split('.', 3).length === 3 ? `${word.slice(0, start)}[token removed]` : word;
}

/** Up to the last blank: half a secret behind it might not be recognised. */
function beginningOf(text: string): string {
  return text.slice(0, Math.max(0, text.search(/\s\S*$/)));
}

/** From the first blank on, behind the PEM block that the text may begin in. */
function endOf(text: string): string {
  const marker = /-----(?:BEGIN|END) [A-Z0-9 ]+-----/.exec(text);
  if (marker?.index === 0) return text; // nothing is cut: a block begins just here, or ends
  const isCutBlock = marker !== null && marker[0].startsWith('-----END');
  const rest = isCutBlock ? text.slice(marker.index + marker[0].length) : text;
  const start = rest.search(/\s/);
  return start < 0 ? '' : rest.slice(start);
}

/** At most `length` characters: the end of the text is where tools put their reason. */
export function shorten(text: string, length = 600): string {
  const trimmed = text.trim();
  return trimmed.length <= length ? trimmed : `… ${trimmed.slice(-length)}`;
}

/** At most `length` characters: clusters put what matters first. */
export function clip(text: string, length = 600): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
