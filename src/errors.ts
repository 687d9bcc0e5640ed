/**
 * An error that a person in Slack may read: what failed and why (`message`), what to do next (`hint`).
 * Everything else that is thrown is a defect and is shown as such.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** What the person can do next; one or two sentences. */
  readonly hint: string | undefined;

  constructor(
    /** A stable identifier for logs, tests and documentation, in kebab case. */
    readonly code: string,
    message: string,
    { hint, cause }: { hint?: string; cause?: unknown } = {},
  ) {
    super(redact(message), { cause });
    this.hint = hint === undefined ? undefined : redact(hint);
  }
}

/** The text of whatever was thrown, secrets removed; WebSockets throw events that have a message but are no errors. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return redact(String(message));
}

const secrets: readonly [pattern: RegExp, replacement: string][] = [
  [/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(-----END \1-----|$)/g, '[$1 removed]'],
  [/\bxox[a-z]?-[\w-]+|\bxapp-[\w-]+/g, '[Slack token removed]'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token removed]'],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, '$1 [removed]'],
  [/((?:-data|token|password|secret|\.pem)"?\s*[:=]\s*"?)[\w+/=.-]{16,}/gi, '$1[removed]'],
  [/(\w+:\/\/[^\s:/@]*:)[^\s@/]+@/g, '$1[removed]@'],
  [/[A-Za-z0-9+/]{120,}={0,2}/g, '[data removed]'],
];

/** The text without PEM blocks, tokens, passwords in URLs and long runs of base64. */
export function redact(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

/** At most `length` characters: the end of the text is where tools put their reason. */
export function shorten(text: string, length = 600): string {
  const trimmed = text.trim();
  return trimmed.length <= length ? trimmed : `… ${trimmed.slice(-length)}`;
}
