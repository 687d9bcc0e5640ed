import type { Cluster } from '../client/cluster.js';

/** One file of the evidence, before it is read. */
export interface Part {
  path: string;
  says: string;
  read: (cluster: Cluster) => Promise<string>;
}

/** The longest object, log or page, in characters; of a log the end is kept. `redact` reads no more at once. */
export const longest = { object: 12_000, log: 60_000, page: 60_000 } as const;

/** At most so many are read of each: a tenant may have made any number. */
export const most = { objects: 60, events: 300, pods: 8, logLines: 400 } as const;
