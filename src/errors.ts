import { isRecord } from './records.js';
import { plain, type Mrkdwn } from './mrkdwn.js';
import { redact } from './redact.js';

/**
 * An error written for a person in Slack: what failed and why (`message`), and what to do next (`hint`).
 * Anything else that is thrown is a defect and is shown as one.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** What the person can do next; one or two sentences. */
  readonly hint: string | undefined;
  readonly #slackHint: Mrkdwn | undefined;

  constructor(
    /** A stable identifier for logs, tests and documentation, in kebab case. */
    readonly code: string,
    message: string,
    { hint, cause }: { hint?: string | Mrkdwn; cause?: unknown } = {},
  ) {
    super(redact(message), { cause });
    this.hint = hint === undefined ? undefined : redact(typeof hint === 'string' ? hint : plain(hint));
    this.#slackHint = typeof hint === 'object' ? hint : undefined;
  }

  /** The hint for Slack, where it can mention people. */
  get slackHint(): string | Mrkdwn | undefined {
    return this.#slackHint ?? this.hint;
  }
}

/** The request cannot be carried out as it stands. Nothing is broken, and the log has nothing to add. */
export class Refusal extends UserError {}

/** Whatever was thrown, as an error. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(messageOf(thrown)));

/** The code and the message of a Node error; empty in whatever else was thrown. */
export function errorFacts(thrown: unknown): { code: string; message: string } {
  const { code, message } = isRecord(thrown) ? thrown : {};
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' };
}

/** The text of whatever was thrown, without secrets. WebSockets throw events that have a message but are not errors. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return redact(String(message));
}
