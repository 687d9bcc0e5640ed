import type { WorkerSettings } from '../config.js';
import { listDemos, type Demo } from '../k8s/demo.js';
import { hasOwnClaims, withHost } from './job.js';

/** The demos that are in the care of these workers, as the host cluster knows them. */
export const ownDemos = (settings: WorkerSettings): Promise<Demo[]> =>
  withHost({ settings }, {}, async (host) => (await listDemos(host)).filter((demo) => hasOwnClaims(host, demo)));

/** Whether a demo's time is over. */
export const isExpired = ({ expires }: Demo): boolean => expires.getTime() <= Date.now();
