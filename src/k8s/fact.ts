import { messageOf } from '../errors.js';
import { clip } from '../redact.js';

/* Reading many things side by side, each in its own time: where one cannot be read, its reason stands in its place. */

/** What was read, or why it was not. */
export type Fact<Value> = { value: Value; problem?: undefined } | { value?: undefined; problem: string };

/** Reads something within its time, or says why not. @throws the reason of `signal` */
export async function factOf<Value>(
  withinMs: number,
  signal: AbortSignal,
  look: (ended: AbortSignal) => Promise<Value>,
): Promise<Fact<Value>> {
  const deadlineMs = Math.ceil(withinMs);
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return { value: await look(AbortSignal.any([signal, deadline])) };
  } catch (error) {
    signal.throwIfAborted();
    const late = `no answer within ${deadlineMs / 1000} s`;
    return { problem: clip(deadline.aborted ? late : messageOf(error), 300) };
  }
}

/** Awaits all; where one rejects, so do the others at their time, and nobody has to hear of it. */
export async function together<Facts extends Record<string, Promise<unknown>>>(
  reading: Facts,
): Promise<{ [Name in keyof Facts]: Awaited<Facts[Name]> }> {
  const entries = Object.entries(reading).map(async ([name, fact]) => [name, await fact] as const);
  return Object.fromEntries(await Promise.all(entries)) as { [Name in keyof Facts]: Awaited<Facts[Name]> };
}

/** Lets so many run at a time, in the order in which they came. */
export function turns(atMost: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = atMost;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
