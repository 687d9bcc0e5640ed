import { after, before } from 'node:test';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';

/**
 * A simulated cluster for the tests of a `describe`, from before the first until after the last.
 * @param use gets a connection to it, and may prepare what the tests need
 */
export function withSimulatedCluster(
  use: (host: Cluster, simulated: SimulatedCluster) => unknown,
  options?: Parameters<typeof startSimulatedCluster>[0],
): void {
  let simulated: SimulatedCluster;
  let host: Cluster;
  before(async () => {
    simulated = await startSimulatedCluster(options);
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.kubeconfigFile }));
    await use(host, simulated);
  });
  after(async () => {
    host.close();
    await simulated.close();
  });
}
