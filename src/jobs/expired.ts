import type { WorkerSettings } from '../config.js';
import { listDemos, type Demo } from '../k8s/demo.js';
import { openHost } from './job.js';

/** Demos whose time is over, as the host cluster knows them. */
export async function expiredDemos(settings: WorkerSettings): Promise<Demo[]> {
  const host = openHost(settings, {});
  try {
    return (await listDemos(host)).filter(({ expires }) => expires.getTime() <= Date.now());
  } finally {
    host.close();
  }
}
