import { setTimeout as delay } from 'node:timers/promises';
import { Worker, type Job } from 'bullmq';
import { seconds } from '../duration.js';
import { asError } from '../errors.js';
import { isOutage, refusalOf } from './answers.js';

const patienceMs = seconds(1);

/**
 * A BullMQ worker that copes with a Redis that answers with errors. BullMQ's own worker asks for the next job again at
 * once, thousands of times a second, and gives up recording that a job has ended, so that the job runs again.
 */
export class PatientWorker<Data> extends Worker<Data, void> {
  /** By job id. */
  private readonly runs = new Map<string, Promise<unknown>>();

  /** Whether it is told about new jobs. */
  async isListening(): Promise<boolean> {
    return (await this.backend.blockingClient)?.status === 'ready';
  }

  /**
   * Stops renewing locks. `close` does so only after its connection has ended, which it never does if Redis refuses writes
   * meanwhile: ioredis, disconnected while it reconnects, settles no command.
   */
  async abandon(): Promise<void> {
    await this.lockManager.close();
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<Data, void>> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      await delay(patienceMs);
      throw error;
    }
  }

  /**
   * Ends an earlier run of the job in this worker first. If the process, or Redis, stood still for longer than a lock lasts,
   * BullMQ may take a job for abandoned and give it to the same worker once more; it would forget the earlier run, which
   * could no longer be cancelled, and when that ended, stop renewing the lock of the later one.
   */
  override async processJob(
    job: Job<Data, void>,
    ...rest: [string, (() => boolean)?]
  ): Promise<void | Job<Data, void>> {
    const id = job.id ?? '';
    for (let earlier; (earlier = this.runs.get(id)) !== undefined;) {
      this.cancelJob(id, 'the lock was lost');
      await earlier.catch(() => undefined);
    }
    const run = super.processJob(job, ...rest).finally(() => this.runs.delete(id));
    this.runs.set(id, run);
    return await run;
  }

  protected override async handleCompleted(...args: HandleCompleted<Data>): Promise<Job<Data, void>> {
    return await this.untilWritten(() => super.handleCompleted(...args));
  }

  protected override async handleFailed(...args: HandleFailed<Data>): Promise<Job<Data, void>> {
    return await this.untilWritten(() => super.handleFailed(...args));
  }

  private async untilWritten<Result>(write: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (this.closing || !(isOutage(error) || refusalOf(error))) throw error;
        this.emit('error', asError(error));
        await delay(patienceMs);
      }
    }
  }
}

type HandleFailed<Data> = [error: Error, job: Job<Data, void>, token: string, fetchNext?: () => boolean];
type HandleCompleted<Data> = [result: void, job: Job<Data, void>, token: string, fetchNext?: () => boolean];
