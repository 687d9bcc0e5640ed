import * as z from 'zod';
import { formatDuration } from '../duration.js';
import type { Word } from './command.js';
import { shown, typedDuration } from './flags.js';

/* What people type after the name of a demo. */

/** By how much a demo is extended, in milliseconds. */
export const lifetime = {
  what: 'a time, such as 4h',
  example: '4h',
  schema: z.number().int().positive(),
  parse(text, { maxTtlMs }) {
    const byMs = typedDuration(text);
    if (byMs === undefined) throw new Error(`"${shown(text)}" is not a time: use something like 30m, 4h or 1d.`);
    if (byMs > maxTtlMs) throw new Error(`The longest time allowed here is ${formatDuration(maxTtlMs)}.`);
    return byMs;
  },
} as const satisfies Word<number>;

/** What `logs` can be limited to. */
export const logParts = ['step', 'istiod', 'gateway', 'vcluster'] as const;
export type LogPart = (typeof logParts)[number];

export const logPart = oneOf('a part of a demo', logParts);

export const virtualCluster = oneOf('a virtual cluster', ['vc1', 'vc2']);

export const onOrOff = oneOf('on or off', ['on', 'off']);

export const poolAct = oneOf('what to do with the pool', ['size', 'drain']);

const mostPairs = 100;

/** How many warm pairs are kept ready. */
export const pairCount = {
  what: 'a number of pairs',
  example: '3',
  isOptional: true,
  schema: z.number().int().min(0).max(mostPairs),
  parse(text) {
    if (!/^\d{1,3}$/.test(text) || Number(text) > mostPairs)
      throw new Error(`"${shown(text)}" is not a number between 0 and ${mostPairs}.`);
    return Number(text);
  },
} as const satisfies Word<number>;

/** Why, in a person's own words. */
export const reason = {
  what: 'a reason',
  example: '"reason"',
  isOptional: true,
  isRest: true,
  schema: z.string().max(200),
  parse(text) {
    if (text.length > 200) throw new Error('A reason can have at most 200 characters.');
    return text;
  },
} as const satisfies Word<string>;

/** An optional word with these values, in any case. */
function oneOf<const Value extends string>(what: string, values: readonly Value[]): Word<Value> & { isOptional: true } {
  const schema = z.enum(values);
  const example = values.join('|');
  return { what, example, isOptional: true, values, schema, parse: (text) => schema.parse(text.toLowerCase()) };
}
