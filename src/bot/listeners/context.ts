import type { WebClient } from '@slack/web-api';
import type { Memberships } from '../../access.js';
import type { SharedConfig } from '../../config.js';
import type { Log } from '../../log.js';
import type { BotMetrics } from '../../metrics.js';
import type { Responder } from '../../slack/client.js';
import type { TokenWatch } from '../../slack/token-watch.js';
import type { JobQueues } from '../queue.js';

/** What the bot is made of before it knows where it is installed. */
export interface BotContext {
  queues: JobQueues;
  demoConfig: SharedConfig;
  /** Throws if a person sends too many commands. */
  rateLimit: (userId: string) => void;
  metrics: BotMetrics;
  log: Log;
  /** Undefined if nobody can ask for its state. */
  tokenWatch?: TokenWatch;
  /** The process may be frozen once it has answered, so it can do nothing later. */
  isMomentary?: boolean;
  /** Aborted when the bot stops: it repeats nothing any more. */
  closing?: AbortSignal;
}

/** What is said after the acknowledgement, when nobody waits: repeated until Slack takes it, as far as that is safe. */
export interface Later {
  slack: WebClient;
  respond: Responder;
}

/** What every listener needs. */
export interface ListenerContext extends BotContext {
  /** Makes one attempt per call: Slack waits three seconds. */
  slack: WebClient;
  later: Later;
  people: Memberships;
}
