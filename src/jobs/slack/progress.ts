import type { Requester } from '../../commands/payload.js';
import { minutes } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Mrkdwn } from '../../mrkdwn.js';
import { mayHaveArrived } from '../../slack/client.js';
import type { SlackMessage } from '../../slack-message.js';
import { within } from '../../within.js';
import type { Task } from '../flow.js';
import { progressMessage, type Progress } from './progress-message.js';
import type { PostedMessage, Slack } from './slack.js';

/** How long a job waits for the last edit; a failure is recorded after it. */
const lastEditMs = minutes(2);

/** One message in Slack that follows a flow. */
export interface ProgressReporter {
  show(tasks: readonly Task[]): void;
  /** Makes the last edit, which is never skipped; if Slack is away for long, it is made later. */
  finish(outcome: NonNullable<Progress['outcome']>): Promise<void>;
}

export interface ReporterOptions {
  slack: Slack;
  /** Whose channel gets the message. */
  audience: Pick<Requester, 'channelId' | 'userId'>;
  /** The message of an earlier run, which is continued. */
  posted: PostedMessage | undefined;
  rememberPosted(posted: PostedMessage): Promise<void>;
  title: Mrkdwn;
  jobId: string;
  /** When the clock starts. */
  since: Date;
  log: Log;
  /** Between two edits; 2.5 s by default, because Slack allows about one per second and channel. */
  everyMs?: number;
}

/**
 * Posts a message and edits it from time to time with the current state. It never delays or fails the job: an edit that
 * Slack does not accept is repeated with the next change, or after a while.
 */
export function reportProgress(options: ReporterOptions): ProgressReporter {
  const { slack, audience, title, jobId, since, log, everyMs = 2_500 } = options;
  let { posted } = options;
  let tasks: readonly Task[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let lastSent = performance.now();
  let isRemembered = posted !== undefined;
  let isLost = false;
  let isFinished = false;

  const render = (outcome?: Progress['outcome']): SlackMessage =>
    progressMessage({ title, tasks, elapsedMs: Date.now() - since.getTime(), jobId, ...(outcome && { outcome }) });

  async function show(outcome?: Progress['outcome']): Promise<void> {
    if (posted !== undefined) await slack.update(posted, render(outcome));
    else posted = await slack.post(audience, render(outcome));
    // Otherwise another run would post its own message.
    if (!isRemembered) await options.rememberPosted(posted);
    isRemembered = true;
  }

  function send(outcome?: Progress['outcome']): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    sending = sending.then(async () => {
      lastSent = performance.now();
      if (isLost) return;
      await show(outcome).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'progress was not shown');
        // A message that may have been posted is not posted again, and cannot be edited.
        isLost = posted === undefined && mayHaveArrived(error);
        if (!isFinished) sendLater();
      });
    });
    return sending;
  }

  const sendLater = () => {
    timer ??= setTimeout(() => void send(), Math.max(0, lastSent + everyMs - performance.now()));
  };

  if (posted === undefined) void send();
  return {
    show(current) {
      tasks = current;
      sendLater();
    },
    async finish(outcome) {
      isFinished = true;
      await within(lastEditMs, () => send(outcome)).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'final progress is not shown yet');
      });
    },
  };
}
