import { pino, type Logger } from 'pino';
import { asError } from './errors.js';
import { redact } from './redact.js';

export type Log = Logger;

/** Writes JSON lines to standard output; secrets are removed from the text of errors. */
export function createLog(name: string, level: string): Log {
  return pino({
    name,
    level,
    serializers: {
      err(error: unknown) {
        const plain = pino.stdSerializers.err(asError(error));
        return typeof plain === 'object' && plain !== null
          ? { type: plain.type, message: redact(String(plain.message)), stack: redact(String(plain.stack)) }
          : plain;
      },
    },
  });
}
