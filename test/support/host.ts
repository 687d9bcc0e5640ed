import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { demoConfig } from '../../src/config/schema.js';
import { admissionPolicy } from '../../src/k8s/isolation/admission-policy.js';
import { startSimulatedCluster, type Fault, type SimulatedCluster } from '../../simulator/index.js';

/** A host cluster for a run, and the settings with which vcdemo uses it. */
export interface Host {
  environment: Record<string, string>;
  /** A note about it for every message. */
  notice: string | undefined;
  close(): Promise<void>;
}

/** A simulated one; `cluster.inject` injects faults. */
export interface SimulatedHost extends Host {
  cluster: SimulatedCluster;
}

/** One person stands for many. */
const manyDemos = { demosPerPerson: 100, demos: 200, waitingPerPerson: 200, commandsPerMinute: 1000 };

/**
 * A simulated cluster with the admission policy of its configuration, public names at its edge, and `helm` and `istioctl`
 * for it.
 * @param stepDeadlineFactor makes faults show up sooner than on a real cluster; leave it out where a slow machine needs time
 */
export async function simulatedHost(
  fault: Fault | undefined,
  stepDeadlineFactor = fault ? 0.1 : 1,
  limits = manyDemos,
): Promise<SimulatedHost> {
  const settings = { domain: 'vcdemo.localhost', limits, stepDeadlineFactor };
  const cluster = await startSimulatedCluster({ fault, objects: admissionPolicy(demoConfig.parse(settings)) });
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-host-'));
  const config = join(directory, 'config.yaml');
  const address = `${cluster.edge.address}:${cluster.edge.port}`;
  await writeFile(config, stringify({ ...settings, exposure: { kind: 'traefik', address } }));
  const tools = fileURLToPath(new URL('../../simulator/bin', import.meta.url));
  return {
    cluster,
    environment: {
      KUBECONFIG: cluster.kubeconfigFile,
      VCDEMO_CONFIG: config,
      PATH: `${tools}:${process.env.PATH}`,
    },
    notice: 'simulated cluster',
    async close() {
      await cluster.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
