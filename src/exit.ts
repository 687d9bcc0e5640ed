import { asError, messageOf, UserError } from './errors.js';
import { redact } from './redact.js';

/**
 * Ends a process that cannot start. A UserError is printed as its message and hint, a defect with its stack. Node itself
 * never prints it, because it shows the line that threw, which in a bundle is the whole code.
 */
export function exitWith(error: unknown): never {
  const lines =
    error instanceof UserError ? [error.message, error.hint] : [redact(asError(error).stack ?? messageOf(error))];
  process.stderr.write(`${lines.filter(Boolean).join('\n')}\n`);
  process.exit(1);
}

/** Returns the result of `act`; if it throws, prints the reason and ends the process. */
export function orExit<Answer>(act: () => Answer): Answer {
  try {
    return act();
  } catch (error) {
    return exitWith(error);
  }
}

/**
 * Calls `stop` at the first request to stop. Later ones change nothing: npm, for example, passes on a signal that the process
 * has already received, and the default action would end it at once, without handing back its jobs.
 */
export function onStopRequest(stop: (signal: NodeJS.Signals) => void): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      stop(signal);
    });
}
