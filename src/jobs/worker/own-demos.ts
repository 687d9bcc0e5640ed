import type { WorkerSettings } from '../../config.js';
import { hours } from '../../duration.js';
import { dropEnds } from '../../k8s/demo/demo-end.js';
import { readStock, type Stock } from '../commands/pool/stock.js';
import { withHost } from '../host-cluster.js';
import { oldestJobMs } from './read-job.js';

/** Longer than workers accept a job, in case clocks differ. */
const endsKeptMs = oldestJobMs + hours(1);

/** The demos and warm pairs that these workers manage; what is remembered of deleted demos is dropped in time. */
export const ownDemos = (settings: WorkerSettings): Promise<Stock> =>
  withHost({ settings }, async (host) => {
    await dropEnds(host, endsKeptMs);
    return await readStock(host);
  });
