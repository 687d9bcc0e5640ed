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

/** What `logs` can be limited to. */
export const logParts = ['step', 'istiod', 'gateway', 'vcluster'] as const;
export type LogPart = (typeof logParts)[number];

export const logPart = {
  what: 'a part of a demo',
  example: logParts.join('|'),
  isOptional: true,
  values: logParts,
  schema: z.enum(logParts),
  parse: (text) => z.enum(logParts).parse(text.toLowerCase()),
} as const satisfies Word<LogPart>;

const clusterNames = ['vc1', 'vc2'] as const;

export const virtualCluster = {
  what: 'a virtual cluster',
  example: clusterNames.join('|'),
  isOptional: true,
  values: clusterNames,
  schema: z.enum(clusterNames),
  parse: (text) => z.enum(clusterNames).parse(text.toLowerCase()),
} as const satisfies Word<(typeof clusterNames)[number]>;

const switches = ['on', 'off'] as const;

export const onOrOff = {
  what: 'on or off',
  example: switches.join('|'),
  isOptional: true,
  values: switches,
  schema: z.enum(switches),
  parse: (text) => z.enum(switches).parse(text.toLowerCase()),
} as const satisfies Word<(typeof switches)[number]>;

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
