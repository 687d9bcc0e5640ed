import type { WorkerSettings } from '../config.js';
import { listDemos, type Demo } from '../k8s/demo.js';
import { withHost } from './job.js';

/** All demos, as the host cluster knows them. */
export const demosInHost = (settings: WorkerSettings): Promise<Demo[]> => withHost({ settings }, {}, listDemos);

/** Whether a demo's time is over. */
export const isExpired = ({ expires }: Demo): boolean => expires.getTime() <= Date.now();
