import * as z from 'zod';
import { formatDuration, hours, minutes, parseDuration } from '../duration.js';
import { shortestTtlMs } from '../config.js';
import { firstCharacters } from '../text.js';
import type { Flag } from './command.js';

/** How long a demo lives, in milliseconds. */
export const ttl: Flag<number> = {
  name: '--ttl',
  example: '8h',
  schema: z.number().int().positive(),
  parse(text, { maxTtlMs }) {
    const ttlMs = typedDuration(text);
    const limits = `between ${formatDuration(shortestTtlMs)} and ${formatDuration(maxTtlMs)}`;
    if (ttlMs === undefined)
      throw new Error(`"${shown(text)}" is not a lifetime: use something like 90m, 8h or 2d, ${limits}.`);
    if (ttlMs < shortestTtlMs || ttlMs > maxTtlMs)
      throw new Error(`A lifetime of ${formatDuration(ttlMs)} is not allowed here: it must be ${limits}.`);
    return ttlMs;
  },
};

/** How many requests `verify` sends in parallel. */
export const requests: Flag<number> = {
  name: '--requests',
  example: '12',
  schema: z.number().int().min(1).max(1000),
  parse(text) {
    const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > 1000) throw new Error(`"${shown(text)}" is not a number between 1 and 1000.`);
    return count;
  },
};

/** With it, `create` also restarts istiod, the ingress gateway and the samples, so that their pods get new sidecars and certificates. */
export const restart: Flag<true> = {
  name: '--restart',
  example: '',
  isSwitch: true,
  isHidden: true,
  schema: z.literal(true),
  parse: () => true,
};

/** With it, `create` only looks for what would stop it. */
export const check: Flag<true> = {
  name: '--check',
  example: '',
  isSwitch: true,
  schema: z.literal(true),
  parse: () => true,
};

const heaviest = 1000;
const weight = z.number().int().min(0).max(heaviest);

/** The weights by which a verify judges the versions of helloworld. */
export const expectedWeights: Flag<{ v1: number; v2: number }> = {
  name: '--expect',
  example: 'v1=90,v2=10',
  schema: z.object({ v1: weight, v2: weight }).refine(({ v1, v2 }) => v1 + v2 > 0),
  parse(text) {
    const words = text.split(',').map((word) => /^(v[12])=(\d{1,4})%?$/.exec(word.trim()));
    const weights = new Map(words.map((word) => [word?.[1], Number(word?.[2])]));
    const [v1 = 0, v2 = 0] = [weights.get('v1'), weights.get('v2')];
    if (words.includes(null) || weights.size < words.length || v1 + v2 === 0 || Math.max(v1, v2) > heaviest)
      throw new Error(`"${shown(text)}" is not a list of shares: use something like v1=90,v2=10.`);
    return { v1, v2 };
  },
};

/** How often `verify` repeats itself, in milliseconds: workers may be started every few minutes only. */
const everyLimits = { least: minutes(5), most: hours(24) } as const;

/** How often a demo's mesh is verified by itself; `off` ends that. */
export const every: Flag<number | 'off'> = {
  name: '--every',
  example: '15m',
  schema: z.union([z.literal('off'), z.number().int().min(everyLimits.least).max(everyLimits.most)]),
  parse(text) {
    if (text.toLowerCase() === 'off') return 'off';
    const everyMs = typedDuration(text);
    if (everyMs === undefined || everyMs < everyLimits.least || everyMs > everyLimits.most)
      throw new Error(
        `"${shown(text)}" is not an interval between ${formatDuration(everyLimits.least)} and ${formatDuration(everyLimits.most)}: use something like 15m, or off.`,
      );
    return everyMs;
  },
};

/** In any case, and with spaces in a form, where phones put them: `8 H`. */
export const typedDuration = (text: string): number | undefined =>
  parseDuration(text.toLowerCase().replaceAll(' ', ''));

/** What somebody typed, short enough for a reply. */
export function shown(word: string): string {
  return word.length > 40 ? `${firstCharacters(word, 40)}…` : word;
}

const creation = z.string().regex(/^[a-z0-9]{1,20}$/);

/** The demo that a person was shown when they were asked: a later one of its name is not meant. */
export const shownDemo: Flag<string> = {
  name: '--shown',
  example: '',
  isHidden: true,
  schema: creation,
  parse(text) {
    if (!creation.safeParse(text).success) throw new Error('Only a confirmation button can set `--shown`.');
    return text;
  },
};

/** Ends a share. */
export const stop: Flag<boolean> = {
  name: '--stop',
  example: '',
  isSwitch: true,
  schema: z.boolean(),
  parse: () => true,
};
