import type { Memberships } from '../../access.js';
import type { SharedConfig } from '../../config.js';
import type { Log } from '../../log.js';
import type { BotMetrics } from '../../metrics.js';
import type { JobQueues } from '../queue.js';

/** What every listener needs. */
export interface ListenerContext {
  queues: JobQueues;
  demoConfig: SharedConfig;
  /** Throws if a person sends too many commands. */
  rateLimit: (userId: string) => void;
  people: Memberships;
  metrics: BotMetrics;
  log: Log;
}
