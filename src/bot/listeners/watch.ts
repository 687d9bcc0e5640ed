import { minutes, seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { SlackMessage } from '../../slack-message.js';
import { lostReply, untakenReply } from '../reply.js';
import type { EnqueuedJob } from './answer-command.js';
import type { ListenerContext } from './context.js';

/** An idle worker takes a job at once; one that has to be started first takes longer. */
const patienceMs = seconds(10);
const lookEveryMs = minutes(1);
const mostLooks = 120;

/**
 * Tells the person if no worker has taken their command after a while, and if Redis loses it before one does: nothing else
 * would.
 */
export function watchUntaken(
  jobs: readonly EnqueuedJob[] = [],
  { queues, log, isMomentary, closing }: Pick<ListenerContext, 'queues' | 'log' | 'isMomentary' | 'closing'>,
  tell: (message: SlackMessage) => Promise<unknown>,
): void {
  if (isMomentary || jobs.length === 0) return;
  let isToldToWait = false;
  /** Whether there is nothing left to look at. */
  const look = async (): Promise<boolean> => {
    const turns = await Promise.all(jobs.map((job) => queues.turnOf(job.id, job.name, job.hostCluster)));
    const lost = jobs.filter((_job, index) => turns[index] === 'lost');
    if (lost.length > 0) {
      await tell(lostReply(lost));
      return true;
    }
    const waiting = jobs.flatMap(({ id, name, cancelledBy }, index) => {
      const turn = turns[index];
      return typeof turn === 'object' ? [{ id, name, cancelledBy, ...turn }] : [];
    });
    if (waiting.length > 0 && !isToldToWait) {
      await tell(untakenReply(waiting));
      isToldToWait = true;
    }
    return waiting.length === 0;
  };
  const lookIn = (ms: number, looksLeft: number): void =>
    void setTimeout(async () => {
      if (closing?.aborted) return;
      const isOver = await look().catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'cannot tell whether a worker has the job');
        return false;
      });
      if (!isOver && looksLeft > 1) lookIn(lookEveryMs, looksLeft - 1);
    }, ms).unref();
  lookIn(patienceMs, mostLooks);
}
