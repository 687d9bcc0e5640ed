import type { DemoConfig } from '../config.js';
import type { Cluster } from '../k8s/client/cluster.js';
import { placeOf, type Demo, type VirtualClusterName, type VirtualClusterPlace } from '../k8s/demo/demo.js';
import type { IstioRenderer } from '../k8s/mesh/istio.js';
import type { VirtualClusters } from '../k8s/credentials/kubeconfig.js';
import type { VirtualClusterConnections } from '../k8s/virtual-cluster/virtual-cluster.js';
import type { Slack } from './slack/slack.js';

/** What the steps of a demo's flow work with. */
export interface DemoContext {
  config: DemoConfig;
  demo: Demo;
  host: Cluster;
  /** The file with the host cluster's credentials, for helm; undefined in a pod. */
  kubeconfig: string | undefined;
  /** The ClusterRole that the worker binds itself to in the demo's namespaces; undefined if it has cluster-wide permissions. */
  demoClusterRole: string | undefined;
  /** The namespace that holds the claims on demos. */
  claimNamespace: string;
  /** The worker's own namespace, if it runs in the host cluster. */
  workerNamespace: string | undefined;
  connections: VirtualClusterConnections;
  istio: IstioRenderer;
  slack: Pick<Slack, 'deleteFiles'>;
  /** The job that works on the demo, for which a Deployment is restarted once at most. */
  jobId: string;
  /** Whether istiod, the ingress gateway and the samples are restarted. */
  restarts: boolean;
  /** How people hear of it; undefined if a flow is only inspected. */
  delivery?: Delivery | undefined;
  signal: AbortSignal;
}

/** Tells people what a flow has done, and sends what it made, once for each job. */
export interface Delivery {
  isDone(): Promise<boolean>;
  deliver(): Promise<void>;
}

/** The same, seen from one of the two virtual clusters. */
export interface ClusterContext extends DemoContext {
  place: VirtualClusterPlace;
}

export function clusterContext(context: DemoContext, name: VirtualClusterName): ClusterContext {
  return { ...context, place: placeOf(context.demo, name) };
}

/** The API of the virtual cluster that a step works on. */
export const virtual = ({ connections, place }: ClusterContext): Promise<Cluster> => connections.connect(place);

/** The APIs of both. */
export async function bothClusters({
  connections,
  demo,
}: Pick<DemoContext, 'connections' | 'demo'>): Promise<VirtualClusters> {
  const [vc1, vc2] = await Promise.all([
    connections.connect(placeOf(demo, 'vc1')),
    connections.connect(placeOf(demo, 'vc2')),
  ]);
  return { vc1, vc2 };
}
