import type { DemoConfig } from '../../config.js';
import type { Log } from '../../log.js';
import type { BotMetrics } from '../../metrics.js';
import type { JobQueues } from '../queue.js';

/** What every listener needs. */
export interface ListenerContext {
  queues: JobQueues;
  demoConfig: DemoConfig;
  metrics: BotMetrics;
  log: Log;
}
