import { Job, Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { queueKinds, queueName } from '../src/commands/payload.js';
import type { Answer } from '../test/support/slack.js';
import { paragraphsOf, type Content } from '../test/support/timeline.js';

/** Waits for jobs to end. */
export interface JobWatcher {
  /** Resolves when the job is done; rejects if it failed, with its reason, or if it takes too long. */
  finished(jobId: string): Promise<void>;
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
    async finished(jobId) {
      for (const { queue, events } of queues) {
        const job = await Job.fromId(queue, jobId);
        if (job) return void (await job.waitUntilFinished(events, longestJobMs));
      }
      throw new Error(`There is no job ${jobId}`);
    },
    async close() {
      await Promise.allSettled(queues.flatMap(({ queue, events }) => [queue.close(), events.close()]));
      connection.disconnect();
    },
  };
}

/** The id of the job in an answer. */
export function jobIdIn(answer: Partial<Content>): string | undefined {
  return /\(job ([\w-]+)\)/.exec(answer.text ?? '')?.[1];
}

/** Whether a message says that something failed. */
export function tellsOfFailure(content: Content | Answer['body']): boolean {
  return paragraphsOf({ text: '', ...content }).some(({ text }) => /^:(x|boom|warning):/m.test(text));
}
