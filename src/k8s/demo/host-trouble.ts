import * as z from 'zod';
import { hours, minutes } from '../../duration.js';
import type { Cluster } from '../client/cluster.js';
import { changeKept, type KeptValue } from './kept-value.js';

/*
 * What breaks several demos at once is trouble of the host cluster: its administrators are told once. What broke lately, and
 * of what they were told, is kept in the host cluster, so that it survives workers and Redis.
 */

/** A demo that broke. */
interface Breakage {
  demo: string;
  /** The same for demos that broke for the same reason. */
  cause: string;
  at: Date;
}

/** Several demos that broke for the same reason. */
export interface HostTrouble {
  cause: string;
  since: Date;
  demos: string[];
}

const withinMs = minutes(15);
const fewestDemos = 2;
/** Trouble is over if it broke nothing for this long; then it is news again. */
const quietMs = hours(1);
const mostKept = 100;

const time = z.iso.datetime().transform((text) => new Date(text));
const shape = z.object({
  broke: z.array(z.object({ demo: z.string(), cause: z.string(), at: time })),
  /** When trouble that was told last broke a demo. */
  told: z.array(z.object({ cause: z.string(), last: time })),
});
export type TroubleMemory = z.output<typeof shape>;

const nothing: TroubleMemory = { broke: [], told: [] };
const kept: KeptValue<TroubleMemory> = {
  name: 'vcdemo.trouble',
  key: 'trouble',
  schema: shape,
};

/** Adds a demo that broke; with the trouble if that is news. */
export function withBreakage(
  { broke, told }: TroubleMemory,
  breakage: Breakage,
): { memory: TroubleMemory; trouble: HostTrouble | undefined } {
  const { cause, at } = breakage;
  const isAfter = (then: Date, ms: number) => at.getTime() - then.getTime() < ms;
  const earlier = broke.filter(
    (one) => isAfter(one.at, withinMs) && !(one.cause === cause && one.demo === breakage.demo),
  );
  const same = [...earlier, breakage].filter((one) => one.cause === cause);
  const current = told.filter(({ last }) => isAfter(last, quietMs));
  const isKnown = current.some((one) => one.cause === cause);
  const isTrouble = isKnown || same.length >= fewestDemos;
  return {
    memory: {
      broke: [...earlier, breakage].slice(-mostKept),
      told: isTrouble ? [...current.filter((one) => one.cause !== cause), { cause, last: at }] : current,
    },
    trouble:
      isTrouble && !isKnown
        ? {
            cause,
            since: new Date(Math.min(...same.map((one) => one.at.getTime()))),
            demos: same.map(({ demo }) => demo),
          }
        : undefined,
  };
}

/** Forgets that trouble was told, because it could not be: with the next demo that breaks, it is news again. */
export async function withdrawNews(host: Cluster, { cause }: Pick<HostTrouble, 'cause'>): Promise<void> {
  await changeKept(host, kept, (memory = nothing) => ({
    ...memory,
    told: memory.told.filter((one) => one.cause !== cause),
  }));
}

/** Remembers a demo that broke; resolves with the trouble for the one worker that is to tell of it. */
export async function noteBreakage(host: Cluster, breakage: Breakage): Promise<HostTrouble | undefined> {
  let news: HostTrouble | undefined;
  const isKept = await changeKept(host, kept, (memory = nothing) => {
    const next = withBreakage(memory, breakage);
    news = next.trouble;
    return next.memory;
  });
  return isKept ? news : undefined;
}
