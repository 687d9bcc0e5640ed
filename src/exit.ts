import { messageOf, UserError } from './errors.js';
import { redact } from './redact.js';

/**
 * Ends a process that cannot start. An error for people is shown as its reason and what to do; a defect with its stack,
 * and never by Node itself, which prints the line that threw: of a bundle that is all of its code.
 */
export function exitWith(error: unknown): never {
  const lines =
    error instanceof UserError ? [error.message, error.hint] : [redact((error as Error)?.stack ?? messageOf(error))];
  process.stderr.write(`${lines.filter(Boolean).join('\n')}\n`);
  process.exit(1);
}

/** What it answers; where it cannot, the process ends with the reason. */
export function orExit<Answer>(act: () => Answer): Answer {
  try {
    return act();
  } catch (error) {
    return exitWith(error);
  }
}
