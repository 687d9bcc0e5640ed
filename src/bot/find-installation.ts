import { setTimeout as sleep } from 'node:timers/promises';
import { WebAPIRateLimitedError, type WebClient } from '@slack/web-api';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import { isRefusedForGood } from '../slack/client.js';
import { askInstallation, type Installation } from '../slack/installation.js';

/** Where the app is installed, which the bot asks Slack until it gets an answer. */
export interface FoundInstallation {
  /** @throws UserError `slack-unavailable` until Slack has answered */
  installation(): Installation;
  /** Why Slack has not answered yet; undefined once it has. */
  problem(): string | undefined;
  /** Resolves with the error with which Slack rejected the bot. */
  refused: Promise<unknown>;
}

interface Asking {
  /** Makes one attempt per call. */
  client: WebClient;
  /** Ends the waiting. */
  closing: AbortSignal | undefined;
  log: Log;
  /** The longest pause between two attempts; pauses grow until then. */
  longestPauseMs?: number;
}

/**
 * Resolves after the first attempt, whether Slack answered or is away.
 * @throws the error from Slack, if it rejects the bot
 */
export async function findInstallation(asking: Asking): Promise<FoundInstallation> {
  const { client, closing, log, longestPauseMs = seconds(15) } = asking;
  let problem: string | undefined;
  let allowedAfterMs = 0;

  const ask = () =>
    askInstallation(client).catch((error: unknown) => {
      if (isRefusedForGood(error)) throw error;
      problem = messageOf(error);
      allowedAfterMs = error instanceof WebAPIRateLimitedError ? seconds(error.retryAfter) : 0;
      log.warn({ reason: problem }, 'Slack does not say where this bot is installed; retrying');
      return undefined;
    });

  async function askAgain(): Promise<void> {
    for (let pauseMs = seconds(1); found === undefined; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await sleep(Math.max(pauseMs, allowedAfterMs), undefined, { signal: closing });
      found = await ask();
    }
    problem = undefined;
    log.info('Slack has said where this bot is installed');
  }

  let found = await ask();
  const refused = found === undefined ? askAgain() : never;
  return {
    installation() {
      if (found === undefined) throw unavailable(problem);
      return found;
    },
    problem: () => problem,
    refused: refused.then(
      () => never,
      (error: unknown) => (closing?.aborted ? never : error),
    ),
  };
}

const never = new Promise<never>(() => undefined);

const unavailable = (problem: string | undefined) =>
  new UserError(
    'slack-unavailable',
    `vcdemo has just been started, and Slack does not tell it yet where it is installed: ${problem}`,
    { hint: 'Try again in a minute.' },
  );
