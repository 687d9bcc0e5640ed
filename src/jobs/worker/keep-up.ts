import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobs } from '../../commands/job-payloads.js';
import type { QueueKind } from '../../commands/payload.js';
import type { WorkerSettings } from '../../config.js';
import { minutes, seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { newJob, putOnQueue } from '../../job-queue.js';
import { ownSignature } from '../../job-signature.js';
import { clockProblem } from '../../k8s/client/clock.js';
import type { Log } from '../../log.js';
import type { DemoCounts, WorkerMetrics } from '../../metrics.js';
import { within } from '../../within.js';
import { countPairs, type Stock } from '../commands/pool/stock.js';
import { currentConfig } from '../job-run.js';
import { ownDemos } from './own-demos.js';
import { countDemos, poolUpkeep, upkeepFor, type UpkeepRequest } from './upkeep.js';
import { createCausedUpkeep, leaveUpkeepTurn, takeUpkeepTurn, upkeepTurnMs } from './upkeep-turn.js';

interface UpkeepParts {
  settings: WorkerSettings;
  metrics: WorkerMetrics;
  redis: Redis;
  queueOf: Record<QueueKind, Queue>;
  log: Log;
}

/** Looks after the demos of the host cluster: what is due, such as an expiry, becomes a job. */
interface Upkeep {
  /** Looks at once, and then once a minute unless another worker does. */
  start(): void;
  /** Looks soon if a job of this kind may have made something due. */
  jobEnded(name: string): Promise<void>;
  close(): void;
}

export function keepUp({ settings, metrics, redis, queueOf, log }: UpkeepParts): Upkeep {
  const look = async (isUrgent = false) => {
    try {
      // Waits for Redis no longer than until the next turn: without it nothing could be enqueued.
      const isOurs = await within(upkeepTurnMs, () => takeUpkeepTurn(redis, settings.HOST_CLUSTER, isUrgent));
      metrics.noteDemos(isOurs ? await inOwnTurn() : undefined);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'upkeep of the demos failed');
    }
  };
  const inOwnTurn = async (): Promise<DemoCounts> => {
    try {
      const stock = await ownDemos(settings);
      noteClock(stock.now);
      return await enqueueUpkeep(stock, settings, queueOf);
    } catch (error) {
      // Otherwise a worker that cannot reach the API would keep those that can from looking.
      await within(seconds(5), () => leaveUpkeepTurn(redis, settings.HOST_CLUSTER)).catch(() => undefined);
      throw error;
    }
  };
  const noteClock = (now: Date) => {
    const problem = clockProblem(now);
    metrics.clockAhead.set(Math.round((Date.now() - now.getTime()) / seconds(1)));
    if (problem) log.warn(problem);
  };
  const caused = createCausedUpkeep({
    ...{ redis, hostCluster: settings.HOST_CLUSTER },
    work: () => look(true),
  });
  let sweeper: NodeJS.Timeout | undefined;
  return {
    start() {
      void look(true);
      sweeper = setInterval(() => void look(), minutes(1));
    },
    async jobEnded(name) {
      // Its demo may have a schedule, whose next turn is put on the queue before this worker is scaled away; or the pool may
      // need another pair.
      if (causing.includes(name)) await caused.cause();
    },
    close() {
      clearInterval(sweeper);
      caused.close();
    },
  };
}

const causing: readonly string[] = ['verify', 'reverify', 'create', 'warm', 'pool', 'delete'];

/** Enqueues the upkeep of demos; the host cluster knows them, so nothing is lost with Redis. */
async function enqueueUpkeep(
  stock: Stock,
  settings: WorkerSettings,
  queueOf: Record<QueueKind, Queue>,
): Promise<DemoCounts> {
  const config = currentConfig(settings);
  for (const request of [...upkeepFor(stock.demos, config, stock.now), ...poolUpkeep(stock, config)]) {
    const now = Date.now();
    const job = { ...newJob(request), timestamp: Math.max(now, request.at?.getTime() ?? now) };
    const signature = ownSignature(job, settings.JOB_KEYS[0], settings.HOST_CLUSTER);
    await putOnQueue(queueOf[jobs[request.name].queue], job, signature, {
      id: request.dedupeId,
      ...(!repeated.includes(request.name) && { ttlMs: job.timestamp - now + minutes(10) }),
    });
  }
  return { ...countDemos(stock.demos, stock.now), pairs: countPairs(stock.pairs), pairFailures: stock.notes.failures };
}

/** When such a job has ended, however it did, the next sweep may ask for another: what failed is tried again. */
const repeated: readonly UpkeepRequest['name'][] = ['expire', 'warm', 'drain'];
