import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './commands.js';
import { ControlPlane } from './control-plane.js';
import { runPods } from './controllers/kubelet.js';
import { Edge, routesOf } from './edge.js';
import { Faults, type Fault } from './faults.js';
import { curl, remoteStates, syncStates, type MeshMember } from './mesh.js';
import { hasLabels, isReady, type KubeObject } from './objects.js';
import { serveConnection } from './peer.js';
import type { CommandResult, PodRuntime } from './pod-runtime.js';
import { Dashboard } from './dashboard.js';
import { originOf, VirtualCluster } from './virtual-cluster.js';

export type { Fault } from './faults.js';

interface SimulatedClusterOptions {
  /** Active from the start; see also `inject`. */
  fault?: Fault | undefined;
  /** Objects that exist from the start, such as an admission policy. */
  objects?: readonly object[];
  /** The time from scheduled to ready, for every pod, ms. */
  podStartMs?: number;
  /** How much longer a virtual cluster takes, ms. */
  virtualClusterStartMs?: number;
}

/** Starts a simulated host cluster in this process. */
export async function startSimulatedCluster(options: SimulatedClusterOptions = {}): Promise<SimulatedCluster> {
  const cluster = new SimulatedCluster(options);
  await cluster.start();
  return cluster;
}

/** Deletes the keys of a virtual cluster in the pod of its control plane. */
const clearKeys = 'rm -rf /data/pki/*';

/** A host cluster with its virtual clusters and its edge, which runs until `close`. */
export class SimulatedCluster {
  /** An administrator's kubeconfig; `close` removes the file. */
  kubeconfig = '';
  kubeconfigFile = '';
  /** Where public names lead; the only listener that distinguishes them. */
  edge = { address: '127.0.0.1', port: 0 };
  private readonly faults: Faults;
  private readonly host: ControlPlane;
  private readonly virtual = new Map<string, VirtualCluster>();
  private readonly listener: Edge;
  private readonly dashboard = new Dashboard();
  private readonly addresses = new Addresses();

  constructor(private readonly options: SimulatedClusterOptions) {
    this.faults = new Faults(options.fault);
    this.host = new ControlPlane({
      name: 'simulated-cluster',
      isHost: true,
      ...this.shared,
      runtime: this.hostRuntime(),
    });
    this.listener = new Edge(this.faults, (name) => this.behindPublicName(name));
    runPods(this.host.reconciler, this.host.resources, {
      faults: this.faults,
      timers: this.host.timers,
      startMs: options.podStartMs ?? 300,
      allocatePodIp: () => this.addresses.next('10.244'),
      started: (pod) => this.podStarted(pod),
    });
    this.host.store.watch(({ type, resource, object }) => {
      if (type === 'DELETED') this.somethingEnded(resource, object);
    });
  }

  async start(): Promise<void> {
    for (const object of this.options.objects ?? []) this.host.resources.make(object as KubeObject);
    await this.host.serve(['localhost', '127.0.0.1']);
    this.edge.port = await this.listener.listen(this.edge.address);
    this.kubeconfig = this.host.adminKubeconfig('simulated-cluster', `https://127.0.0.1:${this.host.port}`).kubeconfig;
    this.kubeconfigFile = join(await mkdtemp(join(tmpdir(), 'simulated-cluster-')), 'kubeconfig');
    await writeFile(this.kubeconfigFile, this.kubeconfig, { mode: 0o600 });
    await this.inject(this.options.fault);
  }

  /** Activates a fault, or deactivates it if undefined. */
  async inject(fault: Fault | undefined): Promise<void> {
    this.faults.active = fault;
    if (fault === 'api-down') this.host.stopServing();
    else await this.host.serve(['localhost', '127.0.0.1']);
  }

  /** Sets the clock that the APIs' answers show, relative to the machine's. */
  setClock(aheadMs: number): void {
    this.faults.clockAheadMs = aheadMs;
  }

  /** The next call like this, such as `PUT /api/v1/…`, is carried out, but its answer does not arrive. */
  loseAnswerTo(call: RegExp): void {
    this.faults.loseAnswerTo(call);
  }

  /** How many requests the API of the host cluster has received, without streams. */
  get answered(): number {
    return this.host.answered;
  }

  /** Calls the listener for every change of an object of the host cluster, until the returned function is called. */
  watch(listener: Parameters<ControlPlane['store']['watch']>[0]): () => void {
    return this.host.store.watch(listener);
  }

  async close(): Promise<void> {
    for (const cluster of this.virtual.values()) cluster.close();
    this.host.close();
    this.listener.close();
    this.dashboard.close();
    await rm(join(this.kubeconfigFile, '..'), { recursive: true, force: true });
  }

  private get shared() {
    return { faults: this.faults, allocateClusterIp: () => this.addresses.next('10.96') };
  }

  // ------------------------------------------------------------------ what pods do

  private async podStarted(pod: KubeObject): Promise<void> {
    if (!hasLabels(pod, { app: 'vcluster' })) return;
    const name = pod.metadata.labels!.release!;
    const namespace = pod.metadata.namespace!;
    const key = `${namespace}/${name}`;
    const cluster = this.virtual.get(key) ?? this.makeVirtualCluster(namespace, name);
    this.virtual.set(key, cluster);
    await new Promise<void>((resolve) => this.host.timers.after(this.options.virtualClusterStartMs ?? 700, resolve));
    const stillRuns = this.virtual.get(key) === cluster && this.host.store.has(pod.metadata.uid!);
    if (stillRuns && this.host.store.find('services', namespace, name)) await cluster.start();
  }

  private makeVirtualCluster(namespace: string, name: string): VirtualCluster {
    const cluster: VirtualCluster = new VirtualCluster({
      ...this.shared,
      host: this.host,
      namespace,
      name,
      runtime: {
        portOf: (pod, port) => this.portInside(pod, port),
        run: (pod, _container, command) => this.runInside(this.memberOf(cluster.plane), pod, command),
        dial: (address, port) => this.behindPodAddress(address, port),
      },
    });
    return cluster;
  }

  /** A virtual cluster lives as long as its StatefulSet; without its pod, it keeps its objects but does not answer. */
  private somethingEnded(resource: string, { metadata }: KubeObject): void {
    const ofPod = resource === 'pods' ? metadata.labels?.release : undefined;
    const key = `${metadata.namespace}/${ofPod ?? metadata.name}`;
    const cluster = this.virtual.get(key);
    if (resource === 'statefulsets.apps') {
      this.virtual.delete(key);
      cluster?.close();
    } else if (ofPod) cluster?.plane.stopServing();
  }

  private hostRuntime(): PodRuntime {
    return {
      portOf: async (pod, port) => {
        if (hasLabels(pod, { app: 'vcluster' })) {
          const cluster = this.virtualClusterOf(pod);
          return port === 8443 ? cluster?.plane.port || undefined : undefined;
        }
        const inside = this.findVirtual(pod);
        return inside && (await this.portInside(inside.pod, port));
      },
      run: async (pod, _container, command) => {
        const inside = this.findVirtual(pod);
        if (inside) return await this.runInside(this.memberOf(inside.plane), inside.pod, command);
        const cluster = this.virtualClusterOf(pod);
        if (cluster && command.join(' ') === `sh -c ${clearKeys}`) {
          cluster.forgetKeys();
          return { stdout: '', stderr: '', exitCode: 0 };
        }
        const nowhere = { status: 0, body: '', exitCode: 6, problem: 'Could not resolve host' };
        return await runCommand(command, () => Promise.resolve([nowhere]));
      },
      dial: (address, port) => this.behindPodAddress(address, port),
    };
  }

  /** The virtual cluster whose control plane is this pod. */
  private virtualClusterOf(pod: KubeObject): VirtualCluster | undefined {
    const { labels, namespace } = pod.metadata;
    return hasLabels(pod, { app: 'vcluster' }) ? this.virtual.get(`${namespace}/${labels!.release}`) : undefined;
  }

  /** The pod in a virtual cluster of which this one of the host is the copy. */
  private findVirtual(copy: KubeObject): { plane: ControlPlane; pod: KubeObject } | undefined {
    const origin = originOf(copy);
    const plane = origin && this.virtual.get(`${copy.metadata.namespace}/${origin.cluster}`)?.plane;
    const pod = plane?.store.find('pods', origin!.namespace, origin!.name);
    return plane && pod && { plane, pod };
  }

  private async runInside(member: MeshMember, pod: KubeObject, command: string[]): Promise<CommandResult> {
    const answered = (stdout: string) => ({ stdout, stderr: '', exitCode: 0 });
    const asked = command.join(' ');
    if (asked === 'pilot-discovery request GET /debug/clusterz') return answered(await remoteStates(member));
    if (asked === 'pilot-discovery request GET /debug/syncz') return answered(syncStates(member));
    return await runCommand(command, (url, times) => curl(member, pod, url, times));
  }

  private async portInside(pod: KubeObject, port: number): Promise<number | undefined> {
    const isDashboard = hasLabels(pod, { 'k8s-app': 'kubernetes-dashboard' }) && port === 8443;
    return isDashboard ? await this.dashboard.port() : undefined;
  }

  // ------------------------------------------------------------------ who reaches whom

  /** A Service in the host cluster leads to the port of a ready pod. */
  private async behindService(namespace: string, name: string, port: number): Promise<number | undefined> {
    const service = this.host.store.find('services', namespace, name);
    const { targetPort } = service?.spec.ports?.find((one: { port: number }) => one.port === port) ?? {};
    if (!service || !targetPort) return undefined;
    const pod = this.host.store
      .list('pods', namespace)
      .find((one) => hasLabels(one, service.spec.selector) && isReady(one));
    return pod && (await this.host.runtime.portOf(pod, Number(targetPort)));
  }

  /** Any pod reaches the ports of any other one. */
  private behindPodAddress(address: string, port: number): ReturnType<PodRuntime['dial']> {
    const copy = this.host.store.list('pods').find((pod) => pod.status?.podIP === address && isReady(pod));
    const inside = copy && this.findVirtual(copy);
    const containers = (inside?.pod.spec.containers ?? []) as { ports?: { containerPort: number }[] }[];
    const listens = containers.some(({ ports = [] }) => ports.some(({ containerPort }) => containerPort === port));
    return inside && listens ? (connection) => serveConnection(inside, connection) : undefined;
  }

  private async behindPublicName(name: string): Promise<number | undefined> {
    const route = routesOf(this.host.store).find(({ publicName }) => publicName === name);
    return route && (await this.behindService(route.namespace, route.service, route.port));
  }

  /** Pods inside can reach the addresses of the host's Services, and the edge through public names. */
  private memberOf(plane: ControlPlane): MeshMember {
    return {
      plane,
      dial: async (hostname, port) => {
        if (this.faults.is('remote-secret-wrong')) return undefined;
        const service = this.host.store.list('services').find(({ spec }) => spec.clusterIP === hostname);
        if (service) return await this.behindService(service.metadata.namespace!, service.metadata.name, port);
        return routesOf(this.host.store).some(({ publicName }) => publicName === hostname) ? this.edge.port : undefined;
      },
    };
  }
}

/** Addresses for Services and pods, each assigned once. */
class Addresses {
  private given = 10;

  next(network: string): string {
    this.given += 1;
    return `${network}.${(this.given >> 8) & 0xff}.${this.given & 0xff}`;
  }
}
