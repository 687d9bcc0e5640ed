import { minutes, seconds } from '../../../duration.js';
import { messageOf } from '../../../errors.js';
import type { Log } from '../../../log.js';
import { errorCodeOf, mayHaveArrived } from '../../../slack/client.js';
import type { SlackMessage } from '../../../slack-message.js';
import { whyNotWritable, type Audience, type PostedMessage } from '../reach.js';
import type { Slack } from '../slack.js';

/** Where a demo's card is. */
export interface CardPlace extends PostedMessage {
  /** Somebody deleted the first one, and it was posted anew. */
  replaced?: true | undefined;
}

/** A demo's card while a job works on the demo. */
export interface Card {
  /** Where it is; undefined before it was posted. */
  place(): CardPlace | undefined;
  /** Shows a state soon; a later state takes its place. `render` is called again when nothing changes for a while. */
  show(render: () => SlackMessage): void;
  /**
   * Shows the last state of this job. Resolves when Slack has it.
   * @throws what Slack's client throws when it gives up
   */
  settle(message: SlackMessage): Promise<void>;
  /** Stops showing states. */
  close(): void;
}

interface CardOptions {
  slack: Pick<Slack, 'post' | 'update'>;
  /** Whose channel gets the card. */
  audience: Audience;
  /** The card of an earlier job, which is continued. */
  place: CardPlace | undefined;
  remember(place: CardPlace): Promise<void>;
  log: Log;
  /** The least time between two edits, in milliseconds. @see editEvery */
  everyMs: () => number;
}

/** After this time a card is edited although nothing has changed, because it says how long things take. */
const idleMs = seconds(20);

/**
 * Posts a card once and edits it in place. It never delays or fails the job before the last state: an edit that Slack does not
 * accept is repeated with the next state, or after a while.
 */
export function openCard({ slack, audience, remember, log, everyMs, ...options }: CardOptions): Card {
  let { place } = options;
  let current: (() => SlackMessage) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let lastSent = -Infinity;
  let isRemembered = place !== undefined;
  let isUncertain = false;
  let isSettled = false;

  async function post(message: SlackMessage, replaced?: true): Promise<void> {
    const posted = await slack.post(audience, message).catch((error: unknown) => {
      // It may have been posted all the same, and then it can be neither edited nor posted again: only the last state is.
      isUncertain = mayHaveArrived(error);
      throw error;
    });
    place = { ...posted, ...(replaced && { replaced }) };
    isRemembered = false;
  }

  async function send(message: SlackMessage): Promise<void> {
    if (place === undefined) await post(message);
    else
      await slack.update(place, message).catch(async (error: unknown) => {
        const isFrozen = errorCodeOf(error) === 'edit_window_closed';
        if (!isFrozen && !isGone(error, place?.channel)) throw error;
        if (!isFrozen && place?.replaced)
          return log.info({ reason: messageOf(error) }, 'the card was deleted again; it stays deleted');
        await post(message, isFrozen ? place?.replaced : true);
      });
    // Otherwise another run would post its own.
    if (!isRemembered && place) await remember(place);
    isRemembered = true;
  }

  function schedule(afterMs: number): void {
    if (isSettled) return;
    clearTimeout(timer);
    timer = setTimeout(sendCurrent, Math.max(0, lastSent + afterMs - Date.now()));
  }

  function sendCurrent(): void {
    timer = undefined;
    sending = sending.then(async () => {
      if (isSettled || isUncertain || current === undefined) return;
      const shown = current;
      lastSent = Date.now();
      const isShown = await send(shown()).then(
        () => current === shown,
        (error: unknown) => log.warn({ reason: messageOf(error) }, 'card was not edited'),
      );
      schedule(isShown ? Math.max(idleMs, everyMs()) : everyMs());
    });
  }

  return {
    place: () => place,
    show(render) {
      current = render;
      schedule(everyMs());
    },
    async settle(message) {
      isSettled = true;
      clearTimeout(timer);
      const last = sending.then(() => send(message));
      sending = last.catch(() => undefined);
      await last;
    },
    close() {
      isSettled = true;
      clearTimeout(timer);
    },
  };
}

/** The message cannot be edited any more: it was deleted, or its channel was archived, left or closed to apps. */
const isGone = (error: unknown, channel = ''): boolean =>
  errorCodeOf(error) === 'message_not_found' || whyNotWritable(errorCodeOf(error), channel) !== undefined;

const leastMs = seconds(3);
/** chat.update allows about 50 calls a minute for an app in a workspace, and all cards share them. */
const callMs = seconds(1.3);
const longestMs = seconds(12);
/** However many cards Redis names. */
const mostMs = minutes(2);

/**
 * The least time between two edits of a card, in milliseconds, while `cards` are being edited by all workers. It grows with
 * the time that a job takes, so that a create of a minute costs about a dozen edits.
 */
export const editEvery = (cards: number, elapsedMs: number): number =>
  Math.min(mostMs, Math.max(leastMs, cards * callMs, Math.min(longestMs, elapsedMs / 4)));
