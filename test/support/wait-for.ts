import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until there is a result; fails with what was awaited and what was last seen. */
export async function waitFor<Answer>(
  awaited: string,
  ask: () => Promise<Answer | undefined | false>,
  { withinMs = 30_000, everyMs = 250, seen }: { withinMs?: number; everyMs?: number; seen?: () => unknown } = {},
): Promise<Answer> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline)
      throw new Error(
        `timed out after ${withinMs / 1000} s waiting for ${awaited}; last seen: ${JSON.stringify(seen?.())}`,
      );
    await sleep(everyMs);
  }
}
