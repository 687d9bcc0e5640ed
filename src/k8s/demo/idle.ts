import type { DemoConfig } from '../../config.js';
import { minutes } from '../../duration.js';
import type { Cluster } from '../client/cluster.js';
import { changeExisting } from './demo-record.js';
import type { Demo } from './demo.js';

/*
 * Whether anybody uses a demo: a command names it, or its traces change, which workers look at from time to time
 * (mesh/traces.ts). Commands send requests of their own, but they are use anyway; what scheduled verifies send is vcdemo's own
 * traffic and no use, so each of them looks before it and notes what it has left itself.
 */

type Rules = Pick<DemoConfig, 'autoPause'>;

/** How often the traces of a demo are looked at, in milliseconds. */
export const lookEveryMs = (idleMs: number): number => Math.min(minutes(10), idleMs / 4);

/** When it was used last, as far as workers know. */
export const lastUse = ({ used, ready, created }: Pick<Demo, 'used' | 'ready' | 'created'>): Date =>
  used ?? ready ?? created;

/** A demo whose keys are being replaced is being worked on. */
const canIdle = ({ state, replacing }: Demo): boolean => state === 'ready' && replacing === undefined;

/** When the demo is paused unless it is used until then; undefined if it is not. */
export const idleEnd = (demo: Demo, { autoPause }: Rules): Date | undefined =>
  autoPause.idle !== undefined && canIdle(demo) ? new Date(lastUse(demo).getTime() + autoPause.idle) : undefined;

/** Whether it has been idle for so long that it is to be paused, once a last look has found nothing either. */
export const isIdle = (demo: Demo, rules: Rules, now: Date): boolean => {
  const end = idleEnd(demo, rules);
  return end !== undefined && end <= now && isWatched(demo, rules, now);
};

/** Whether its traces are to be looked at. */
export const isLookDue = (demo: Demo, { autoPause: { idle } }: Rules, now: Date): boolean =>
  idle !== undefined &&
  canIdle(demo) &&
  (demo.traces === undefined || now.getTime() - demo.traces.at.getTime() >= lookEveryMs(idle));

/** Workers that have not looked for long, perhaps because nothing was to be paused then, do not know about commands either. */
const isWatched = ({ traces }: Demo, { autoPause: { idle = 0 } }: Rules, now: Date): boolean =>
  traces !== undefined && now.getTime() - traces.at.getTime() < idle;

/** The demo after a look at its traces. */
export function withTraces(demo: Demo, seen: string, rules: Rules, now: Date): Demo {
  const isUsed = !isWatched(demo, rules, now) || demo.traces?.seen !== seen;
  return { ...demo, traces: { seen, at: now }, ...(isUsed && { used: now }) };
}

/** The demo after a scheduled verify, whose requests are no use of it. */
export const withOwnTraces = (demo: Demo, seen: string): Demo =>
  demo.traces ? { ...demo, traces: { ...demo.traces, seen } } : demo;

/** A use within this time of another is not noted. */
const noteEveryMs = minutes(2);

/** Notes that a command named the demo, where that matters. */
export async function noteUse(host: Cluster, demo: Demo, rules: Rules, now = host.now()): Promise<Demo> {
  const isNoted = (current: Demo) => now.getTime() - (current.used?.getTime() ?? 0) < noteEveryMs;
  if (idleEnd(demo, rules) === undefined || isNoted(demo)) return demo;
  const noted = await changeExisting(host, demo, (current) => (isNoted(current) ? current : { ...current, used: now }));
  return noted ?? demo;
}
