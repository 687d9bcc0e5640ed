import { readDemoConfig, type DemoConfig, type WorkerSettings } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Log } from '../log.js';
import type { WorkerMetrics } from '../metrics.js';
import { closest } from 'fastest-levenshtein';
import {
  connectCluster,
  homeNamespace,
  loadHostKubeConfig,
  type Cluster,
  type ClusterOptions,
} from '../k8s/cluster.js';
import { claimDemo, isHolder, type Claim, type Holder } from '../k8s/claim.js';
import { findDemo, listDemos, type Demo } from '../k8s/demo.js';
import type { IstioRenderer } from '../k8s/istio.js';
import { VirtualClusterConnections } from '../k8s/virtual-cluster.js';
import type { DemoContext } from './context.js';
import type { JobName, JobPayload } from './definitions.js';
import type { PostedMessage, Slack } from './slack.js';

/** What a worker has for its whole life. */
export interface WorkerTools {
  settings: WorkerSettings;
  slack: Slack;
  istio: IstioRenderer;
  metrics: WorkerMetrics;
}

/** One run of a job, as its handler sees it. */
export interface JobRun<Name extends JobName> extends WorkerTools {
  id: string;
  name: Name;
  payload: JobPayload<Name>;
  /** When the command was given; an earlier run that was cut off counts. */
  askedAt: Date;
  /** Whether an earlier run of this job was cut off. */
  resumed: boolean;
  /** The message that an earlier run posted. */
  posted: PostedMessage | undefined;
  rememberPosted(posted: PostedMessage): Promise<void>;
  config: DemoConfig;
  log: Log;
  /** Aborted when the worker stops: a flow hands over at the next boundary of its steps. */
  draining: AbortSignal;
  /** Aborted when the worker's time to stop is over. */
  signal: AbortSignal;
}

export type Handler<Name extends JobName> = (run: JobRun<Name>) => Promise<void>;

/** The configuration as it is now: a change needs no restart. */
export const currentConfig = ({ VCDEMO_CONFIG, HOST_CLUSTER }: WorkerSettings): DemoConfig =>
  readDemoConfig(VCDEMO_CONFIG, undefined, HOST_CLUSTER);

/** The host cluster with the credentials as they are now. */
export function openHost(settings: WorkerSettings, options: ClusterOptions): Cluster {
  return connectCluster('host', loadHostKubeConfig(settings), options);
}

/** What a job does under a claim, and what it answers when another has the demo. */
export interface ClaimedWork {
  host: Cluster;
  purpose: string;
  busy: (holder: Holder) => Promise<void>;
  work: (claim: Claim) => Promise<void>;
}

/** Does the work with the sole right to write to the job's demo. */
export async function underClaim(
  { id, payload, signal, log }: Pick<JobRun<'create' | 'delete' | 'expire'>, 'id' | 'payload' | 'signal' | 'log'>,
  { host, purpose, busy, work }: ClaimedWork,
): Promise<void> {
  const { demo } = payload;
  const claim = await claimDemo({ host, namespace: claimNamespace(host), demo, purpose, jobId: id, signal });
  if (isHolder(claim)) return await busy(claim);
  try {
    await work(claim);
  } finally {
    // The Lease ends by itself as well: that it is still there changes nothing of what was done.
    await claim.release().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'the claim stays a while'));
  }
}

/** Where the claims on demos are kept. */
export const claimNamespace = (host: Cluster): string => homeNamespace(host.kubeConfig);

/** Whether this worker's claims keep others from the demo: all who write to one must claim it in the same place. */
export const hasOwnClaims = (host: Cluster, demo: Demo): boolean =>
  demo.claimNamespace === undefined || demo.claimNamespace === claimNamespace(host);

/** @throws UserError `claimed-elsewhere` */
export function assertOwnClaims(host: Cluster, demo: Demo): void {
  if (hasOwnClaims(host, demo)) return;
  throw new UserError(
    'claimed-elsewhere',
    `Demo ${demo.name} is in the care of other workers: they keep their claims in namespace ${demo.claimNamespace}, this one in ${claimNamespace(host)}.`,
    { hint: "Ask those who run vcdemo: the workers of one host cluster share a release, or a kubeconfig's namespace." },
  );
}

/** Runs `work` with connections to the host and the virtual clusters of a demo, and ends them. */
export async function withHost<Result>(
  run: Pick<JobRun<JobName>, 'settings'>,
  options: ClusterOptions,
  work: (host: Cluster) => Promise<Result>,
): Promise<Result> {
  const host = openHost(run.settings, options);
  try {
    return await work(host);
  } finally {
    host.close();
  }
}

/** The context of a demo's steps; `close` ends its connections. */
export function demoContext(
  run: JobRun<JobName>,
  host: Cluster,
  demo: Demo,
  options: Required<ClusterOptions>,
): DemoContext & { close(): Promise<void> } {
  const inCluster = run.settings.KUBECONFIG === undefined;
  const connections = new VirtualClusterConnections(host, { ...options, inCluster });
  const { config, istio, log } = run;
  return {
    config,
    demo,
    host,
    kubeconfig: run.settings.KUBECONFIG,
    demoClusterRole: run.settings.DEMO_CLUSTER_ROLE,
    claimNamespace: claimNamespace(host),
    connections,
    istio,
    log,
    signal: options.signal,
    close: () => connections.close(),
  };
}

type RunOnDemo = Pick<JobRun<'create' | 'delete' | 'kubeconfig' | 'verify' | 'status' | 'dashboard'>, 'config'> & {
  payload: { demo: string; askedBefore?: string[] | undefined };
};

/** @throws UserError `unknown-demo` with the closest name that there is. */
export async function requireDemo(host: Cluster, { config, payload }: RunOnDemo): Promise<Demo> {
  const { demo: name, askedBefore = [] } = payload;
  const demo = await findDemo(host, name);
  if (demo) return demo;
  const names = (await listDemos(host)).map((other) => other.name);
  const suggestion = names.length > 0 ? ` Did you mean \`${closest(name, names)}\`?` : '';
  const where = config.hostCluster ? ` on ${[...askedBefore, config.hostCluster].join(' or ')}` : '';
  throw new UserError('unknown-demo', `There is no demo ${name}${where}.${suggestion}`, {
    hint:
      names.length > 0
        ? `There are ${names.join(', ')}; \`/vcdemo list\` tells more of them.`
        : '`/vcdemo create` makes one.',
  });
}

/**
 * A demo that can be used: both clusters were made.
 * @throws UserError `unknown-demo`, `demo-not-ready`
 */
export async function requireReadyDemo(host: Cluster, run: RunOnDemo): Promise<Demo> {
  const demo = await requireDemo(host, run);
  if (demo.state === 'ready') return demo;
  const why = {
    creating: 'is still being created',
    failed: 'was not created completely',
    deleting: 'is being deleted',
  }[demo.state];
  throw new UserError('demo-not-ready', `Demo ${demo.name} ${why}.`, {
    hint:
      demo.state === 'deleting'
        ? `Wait until it is gone, then \`/vcdemo create ${demo.name}\`.`
        : `\`/vcdemo status ${demo.name}\` shows how far it is; \`/vcdemo create ${demo.name}\` resumes it.`,
  });
}
