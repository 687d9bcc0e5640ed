import type { WorkerSettings } from '../../config.js';
import { hasOwnClaims } from '../../k8s/claim.js';
import { listDemos, type Demo } from '../../k8s/demo.js';
import { withHost } from '../host-cluster.js';

/** The demos of the host cluster that these workers manage. */
export const ownDemos = (settings: WorkerSettings): Promise<Demo[]> =>
  withHost({ settings }, async (host) => (await listDemos(host)).filter((demo) => hasOwnClaims(host, demo)));
