import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startBot } from '../../src/bot/app.js';
import { queueKinds } from '../../src/commands/payload.js';
import { readBotSettings, readWorkerSettings } from '../../src/config.js';
import { startWorker } from '../../src/jobs/worker/worker.js';
import { jobSuffix } from '../../src/job-queue.js';
import { createLog, type Log } from '../../src/log.js';
import type { SimulatedHost } from './host.js';
import { jobKeys } from './job-keys.js';
import { slackCommand, type Answer, type SlackWorkspace } from './slack.js';
import { waitFor } from './wait-for.js';

/** A bot and a worker in this process, to test what faults of Redis do to them. */
export interface Product {
  /** The bot's address. */
  url: string;
  /** Types `/vcdemo <text>`. */
  say(text: string): Promise<Answer>;
  /** Repeats a command until it is accepted; resolves with the ID of its job. */
  ask(): Promise<string>;
  /** Resolves when that Redis has the job as completed. */
  done(jobId: string, redisUrl?: string): Promise<void>;
  /** `/readyz` of bot and worker. */
  readiness(): Promise<{ bot: string; worker: string }>;
  /** Resolves when both are ready. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

interface ProductOptions {
  slack: SlackWorkspace;
  host: SimulatedHost;
  /** Redis settings of both; `workerRedis`, if given, applies to the worker. */
  redis: Record<string, string>;
  workerRedis?: Record<string, string>;
  /** Where to look up jobs, if not there. */
  adminUrl?: string | undefined;
  log?: Log;
}

const isReady = 'ready';

export async function startProduct({
  slack,
  host,
  redis,
  workerRedis = redis,
  adminUrl = redis.REDIS_URL!,
  log = createLog('test', 'silent'),
}: ProductOptions): Promise<Product> {
  const common = { SLACK_BOT_TOKEN: slack.botToken, SLACK_API_URL: slack.apiUrl, ...jobKeys };
  const worker = await startWorker(readWorkerSettings({ ...host.environment, ...common, ...workerRedis }), log);
  const bot = await startBot(
    readBotSettings({ ...common, ...redis, SLACK_SIGNING_SECRET: slack.signingSecret, PORT: '0' }),
    log,
  ).catch(async (error: unknown) => {
    await worker.close(1_000);
    throw error;
  });
  const url = `http://127.0.0.1:${bot.port}`;
  const say = (text: string) =>
    slackCommand(url, slack.signingSecret, { ...slack.alice, channelId: slack.channel, text });

  const readiness = async () => {
    const answer = await fetch(`${url}/readyz`);
    return {
      bot: answer.ok ? isReady : await answer.text(),
      worker: await worker.ping(1_000).then(
        () => isReady,
        (error: unknown) => (error as Error).message,
      ),
    };
  };

  return {
    url,
    say,
    async ask() {
      let last: unknown;
      return await waitFor(
        'an accepted command',
        async () => {
          const { body, triggerId } = await say('list');
          last = body;
          // What is accepted is answered by the worker.
          return Object.keys(body).length === 0 ? `list-${jobSuffix(triggerId)}` : undefined;
        },
        { withinMs: 15_000, everyMs: 50, seen: () => last },
      );
    },
    done: (jobId, url = adminUrl) => isDone(url, jobId),
    readiness,
    async ready() {
      let last: Awaited<ReturnType<typeof readiness>> | undefined;
      await waitFor(
        'bot and worker to be ready',
        async () => {
          last = await readiness();
          return last.bot === isReady && last.worker === isReady;
        },
        { withinMs: 30_000, seen: () => last },
      );
    },
    async close() {
      await Promise.all([bot.close(), worker.close(5_000)]);
    },
  };
}

async function isDone(url: string, id: string): Promise<void> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  const queues = queueKinds.map((kind) => new Queue(kind, { connection, skipMetasUpdate: true }));
  let last: unknown;
  try {
    await waitFor(
      `the end of ${id}`,
      async () => {
        last = await Promise.all(queues.map((queue) => queue.getJobState(id)));
        return (last as string[]).includes('completed');
      },
      { withinMs: 45_000, seen: () => last },
    );
  } finally {
    await Promise.all(queues.map((queue) => queue.close()));
    connection.disconnect();
  }
}
