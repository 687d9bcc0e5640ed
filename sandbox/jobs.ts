import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { queueKinds, queueName } from '../src/commands/payload.js';
import { jobSuffix } from '../src/job-queue.js';
import type { Answer } from '../test/support/slack.js';
import { paragraphsOf, type Content } from '../test/support/timeline.js';

/** Waits for jobs to end. */
export interface JobWatcher {
  /**
   * Resolves when the job is done that was started by what a person did, by Slack's ID of it; to false if nothing was
   * started. Rejects if it failed, with its reason, or if it takes too long.
   */
  finished(triggerId: string): Promise<boolean>;
  close(): Promise<void>;
}

const longestJobMs = 20 * 60_000;

export async function watchJobs(redisUrl: string): Promise<JobWatcher> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  const queues = await Promise.all(
    queueKinds.map(async (kind) => {
      const name = queueName(kind);
      const queue = new Queue(name, { connection });
      const events = new QueueEvents(name, { connection });
      // Every awaited job adds a listener.
      queue.setMaxListeners(0);
      events.setMaxListeners(0);
      // Without a listener the event would end the process; the deadline tells whoever waits.
      queue.on('error', () => undefined);
      events.on('error', () => undefined);
      await events.waitUntilReady();
      return { queue, events };
    }),
  );
  return {
    async finished(triggerId) {
      const ending = `-${jobSuffix(triggerId)}`;
      for (const { queue, events } of queues) {
        const job = (await queue.getJobs()).find((each) => each?.id?.endsWith(ending));
        if (!job) continue;
        await job.waitUntilFinished(events, longestJobMs);
        return true;
      }
      return false;
    },
    async close() {
      await Promise.allSettled(queues.flatMap(({ queue, events }) => [queue.close(), events.close()]));
      connection.disconnect();
    },
  };
}

/** Whether a message says that something failed. */
export function tellsOfFailure(content: Content | Answer['body']): boolean {
  return paragraphsOf({ text: '', ...content }).some(({ text }) => /^:(x|boom|warning):/m.test(text));
}
