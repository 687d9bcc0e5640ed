import { after, before } from 'node:test';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { placesOf, type VirtualClusterName } from '../../src/k8s/demo/demo.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { VirtualClusterConnections } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import type { Fault } from '../../simulator/index.js';
import { simulatedHost, type SimulatedHost } from './host.js';
import { startStack, type RunningProcess, type Stack } from './stack.js';

/** A demo of Alice's that is ready, with bot and worker as processes of dist/; the getters work only inside tests. */
interface RunningDemo {
  readonly host: SimulatedHost;
  readonly stack: Stack;
  readonly worker: RunningProcess;
  readonly hostCluster: Cluster;
  virtual(name: VirtualClusterName): Promise<Cluster>;
}

/** Creates the demo before the tests of a `describe`, and ends everything after them; the factor is that of step deadlines. */
export function runningDemo(demo: string, deadlineFactor?: number, fault?: Fault): RunningDemo {
  let host: SimulatedHost;
  let stack: Stack;
  let worker: RunningProcess;
  let hostCluster: Cluster;
  let connections: VirtualClusterConnections;

  before(async () => {
    host = await simulatedHost(fault, deadlineFactor);
    stack = await startStack(host.environment, { notice: host.notice });
    worker = await stack.startWorker();
    hostCluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    const { signal } = new AbortController();
    connections = new VirtualClusterConnections(hostCluster, { signal, inCluster: false });
    await stack.type(stack.slack.alice, `create ${demo}`);
    await stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 90_000);
  });
  after(async () => {
    await connections?.close();
    hostCluster?.close();
    await stack?.close();
    await host?.close();
  });

  return {
    get host() {
      return host;
    },
    get stack() {
      return stack;
    },
    get worker() {
      return worker;
    },
    get hostCluster() {
      return hostCluster;
    },
    virtual: (name) => connections.connect(placesOf(demo).find((place) => place.name === name)!),
  };
}
