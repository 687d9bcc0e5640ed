import { z } from 'zod';
import { formatDuration, parseDuration } from '../duration.js';
import type { Word } from './command.js';
import { shown } from './flags.js';

/* What people type after the name of a demo. */

/** By how much a demo is extended, in milliseconds. */
export const lifetime = {
  what: 'a time, such as 4h',
  example: '4h',
  schema: z.number().int().positive(),
  parse(text, { maxTtlMs }) {
    const byMs = parseDuration(text);
    if (byMs === undefined) throw new Error(`"${shown(text)}" is not a time: use something like 30m, 4h or 1d.`);
    if (byMs > maxTtlMs) throw new Error(`The longest time here is ${formatDuration(maxTtlMs)}.`);
    return byMs;
  },
} as const satisfies Word<number>;
