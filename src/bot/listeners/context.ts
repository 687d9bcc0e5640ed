import type { DemoConfig } from '../../config.js';
import type { Log } from '../../log.js';
import type { JobQueues } from '../queue.js';

/** What every listener needs. */
export interface ListenerContext {
  queues: JobQueues;
  demoConfig: DemoConfig;
  log: Log;
}
