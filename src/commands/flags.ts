import { z } from 'zod';
import { formatDuration, parseDuration } from '../duration.js';
import { shortestTtlMs } from '../config.js';
import type { Flag } from './command.js';

/** How long a demo lives, in milliseconds. */
export const ttl: Flag<number> = {
  name: '--ttl',
  example: '8h',
  schema: z.number().int().positive(),
  parse(text, { maxTtlMs }) {
    const ttlMs = parseDuration(text);
    const limits = `between ${formatDuration(shortestTtlMs)} and ${formatDuration(maxTtlMs)}`;
    if (ttlMs === undefined)
      throw new Error(`"${shown(text)}" is not a lifetime: use something like 90m, 8h or 2d, ${limits}.`);
    if (ttlMs < shortestTtlMs || ttlMs > maxTtlMs)
      throw new Error(`A lifetime of ${formatDuration(ttlMs)} is not allowed here: it must be ${limits}.`);
    return ttlMs;
  },
};

/** How many requests `verify` sends. */
export const requests: Flag<number> = {
  name: '--requests',
  example: '12',
  schema: z.number().int().min(1).max(200),
  parse(text) {
    const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > 200) throw new Error(`"${shown(text)}" is not a number between 1 and 200.`);
    return count;
  },
};

/** What somebody typed, short enough for a reply. */
export function shown(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}…` : word;
}
