import assert from 'node:assert/strict';
import { UserError } from '../../src/errors.js';

/** The UserError that reading throws. */
export function refusal(read: () => unknown): UserError {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail('it was accepted');
}
