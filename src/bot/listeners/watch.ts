import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { SlackMessage } from '../../slack-message.js';
import { untakenReply } from '../reply.js';
import type { EnqueuedJob } from './answer-command.js';
import type { ListenerContext } from './context.js';

/** An idle worker takes a job at once; one that has to be started first takes longer. */
const patienceMs = seconds(10);

/** Tells the person if no worker has taken their command after a while: nothing else would. */
export function watchUntaken(
  jobs: readonly EnqueuedJob[] = [],
  { queues, log, isMomentary }: Pick<ListenerContext, 'queues' | 'log' | 'isMomentary'>,
  tell: (message: SlackMessage) => Promise<unknown>,
): void {
  if (isMomentary || jobs.length === 0) return;
  const look = async () => {
    const turns = await Promise.all(jobs.map((job) => queues.turnOf(job.id, job.name, job.hostCluster)));
    const waiting = jobs.flatMap(({ id, name, cancelledBy }, index) => {
      const turn = turns[index];
      return turn ? [{ id, name, cancelledBy, ...turn }] : [];
    });
    if (waiting.length > 0) await tell(untakenReply(waiting));
  };
  setTimeout(() => {
    look().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'cannot tell whether a worker has the job'),
    );
  }, patienceMs).unref();
}
