import type { Stack } from '../test/support/stack.js';
import { tellsOfFailure, type JobWatcher } from './jobs.js';
import { buttonsOf } from '../test/support/timeline.js';

/**
 * Sends commands as Alice, each after the previous one is done; if there are buttons, it presses the red one.
 * Resolves with the first failure, and stops there.
 */
export async function runScript(
  script: string,
  { stack, jobs, print }: { stack: Stack; jobs: JobWatcher; print: (text: string) => void },
): Promise<string | undefined> {
  const { slack } = stack;
  for (const line of script.split(';').map((part) => part.trim().replace(/^\/vcdemo\s+/, ''))) {
    if (line === '') continue;
    const start = performance.now();
    const seen = slack.timeline.entries.length;
    const { status, body, ...typed } = await stack.type(slack.alice, line);
    if (status !== 200) return `${line}: the bot answered with ${status}`;
    const finished = async (): Promise<boolean> => {
      const isStarted = await jobs.finished(typed.triggerId);
      // What the worker asks in return.
      const dangerous = slack.timeline.entries
        .slice(seen)
        .flatMap((entry) => buttonsOf(entry))
        .find((button) => button.dangerous && button.actionId.startsWith('confirmed'));
      if (!dangerous) return isStarted;
      const { triggerId } = await stack.press(slack.alice, dangerous.actionId, dangerous.value);
      return await jobs.finished(triggerId);
    };
    const failure = await finished().then(
      (isStarted) => (isStarted || line.startsWith('help') ? undefined : `nothing was started. ${body.text ?? ''}`),
      (error: Error) => error.message,
    );
    if (failure) return `${line}: ${failure}`;
    const bad = slack.timeline.entries.slice(seen).find((entry) => tellsOfFailure(entry));
    if (bad) return `${line}: ${bad.text}`;
    print(`— ${line}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  return undefined;
}
