import type { WorkerSettings } from '../../config.js';
import { hours } from '../../duration.js';
import { dropEnds } from '../../k8s/demo-end.js';
import { listDemos } from '../../k8s/demo-record.js';
import type { Demo } from '../../k8s/demo.js';
import { withHost } from '../host-cluster.js';
import { oldestJobMs } from './read-job.js';

/** Longer than workers accept a job, in case clocks differ. */
const endsKeptMs = oldestJobMs + hours(1);

/** The demos in the host cluster that these workers manage; what is remembered of deleted ones is dropped in time. */
export const ownDemos = (settings: WorkerSettings): Promise<Demo[]> =>
  withHost({ settings }, async (host) => {
    await dropEnds(host, new Date(Date.now() - endsKeptMs));
    return (await listDemos(host)).demos;
  });
