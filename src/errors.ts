import { redact } from './redact.js';

/**
 * An error that a person in Slack may read: what failed and why (`message`), what to do next (`hint`).
 * Everything else that is thrown is a defect and is shown as such.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
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

/** What was asked for cannot be done as it stands; nothing is broken, and there is nothing in the log to look for. */
export class Refusal extends UserError {}

/** The text of whatever was thrown, secrets removed; WebSockets throw events that have a message but are no errors. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return redact(String(message));
}
