import { messageOf, UserError } from '../errors.js';
import { UnreachableError } from '../k8s/client/api-errors.js';
import { adviceFor } from '../known-failures.js';

/** What to do about an error: its own hint, or advice for a known failure. */
export function hintOf(error: unknown): string | undefined {
  if (error instanceof UserError && error.hint !== undefined) return error.hint;
  return error instanceof UnreachableError ? error.hint : adviceFor(messageOf(error));
}
