import type { Queue } from 'bullmq';
import type { JobName, JobPayload } from '../commands/job-payloads.js';
import { readDemoConfig, type DemoConfig, type WorkerSettings } from '../config.js';
import type { IstioRenderer } from '../k8s/mesh/istio.js';
import type { Log } from '../log.js';
import type { WorkerMetrics } from '../metrics.js';
import type { People } from '../slack/people.js';
import type { SharedFile } from './slack/upload.js';
import type { Slack } from './slack/slack.js';

/** A job that changes a demo, in the order in which workers take them. */
export interface QueuedJob {
  name: string;
  /** Undefined if its name is not known yet. */
  demo: string | undefined;
  userId: string | undefined;
  isActive: boolean;
  /** In about how many milliseconds it begins; undefined if it runs, or nothing tells. */
  startsInMs?: number | undefined;
}

/** What a worker keeps for its whole life. */
export interface WorkerTools {
  settings: WorkerSettings;
  slack: Slack;
  people: People;
  istio: IstioRenderer;
  metrics: WorkerMetrics;
  /** The jobs that change demos; undefined outside of a worker. */
  queued?: () => Promise<QueuedJob[]>;
  /** How many cards all workers together are editing; undefined if there are no other workers. */
  cardsAtWork?: () => number;
  /** By job: kubeconfigs that were sent but not recorded yet; undefined if one could not be sent. */
  delivered: Map<string, SharedFile | undefined>;
}

/** One run of a job, as its handler sees it. */
export interface JobRun<Name extends JobName> extends WorkerTools {
  id: string;
  name: Name;
  payload: JobPayload<Name>;
  /** When the command was sent, not when this run started. */
  askedAt: Date;
  /** Whether an earlier run of this job was interrupted. */
  resumed: boolean;
  config: DemoConfig;
  /** Opens a queue; the caller closes it. */
  openQueue(name: string): Queue;
  log: Log;
  /** Aborted when the worker is asked to stop: a flow stops at the next boundary between steps. */
  draining: AbortSignal;
  /** Aborted when the worker's time to stop is over. */
  signal: AbortSignal;
}

export type Handler<Name extends JobName> = (run: JobRun<Name>) => Promise<void>;

/** The current configuration: a change needs no restart. */
export const currentConfig = ({ VCDEMO_CONFIG, HOST_CLUSTER }: WorkerSettings): DemoConfig =>
  readDemoConfig(VCDEMO_CONFIG, undefined, HOST_CLUSTER);
