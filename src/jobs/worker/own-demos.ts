import type { WorkerSettings } from '../../config.js';
import { listDemos } from '../../k8s/demo-record.js';
import type { Demo } from '../../k8s/demo.js';
import { withHost } from '../host-cluster.js';

/** The demos in the host cluster that these workers manage. */
export const ownDemos = (settings: WorkerSettings): Promise<Demo[]> =>
  withHost({ settings }, async (host) => (await listDemos(host)).demos);
