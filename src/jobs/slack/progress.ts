import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { SlackMessage } from '../../slack-message.js';
import type { Task } from '../flow.js';
import { progressMessage, type Progress } from './progress-message.js';
import type { PostedMessage, Slack } from './client.js';

/** One message in Slack that follows a flow. */
export interface ProgressReporter {
  show(tasks: readonly Task[]): void;
  /** The last edit, which is never left out. */
  finish(outcome: NonNullable<Progress['outcome']>): Promise<void>;
}

export interface ReporterOptions {
  slack: Slack;
  posted: PostedMessage;
  title: string;
  jobId: string;
  /** From when on the time is counted. */
  since: Date;
  log: Log;
}

/** Slack allows about one edit a second and channel. */
const everyMs = 2500;

/**
 * Edits the message at most every 2.5 s, with the state of that moment.
 * A failed edit does not fail the job.
 */
export function reportProgress({ slack, posted, title, jobId, since, log }: ReporterOptions): ProgressReporter {
  let tasks: readonly Task[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let lastSent = performance.now();

  const render = (outcome?: Progress['outcome']): SlackMessage =>
    progressMessage({ title, tasks, elapsedMs: Date.now() - since.getTime(), jobId, ...(outcome && { outcome }) });
  const send = (outcome?: Progress['outcome']) => {
    clearTimeout(timer);
    timer = undefined;
    sending = sending.then(async () => {
      lastSent = performance.now();
      await slack
        .update(posted, render(outcome))
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'progress was not shown'));
    });
    return sending;
  };

  return {
    show(current) {
      tasks = current;
      timer ??= setTimeout(() => void send(), Math.max(0, lastSent + everyMs - performance.now()));
    },
    finish: (outcome) => send(outcome),
  };
}
