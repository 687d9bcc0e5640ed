import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { startSimulatedCluster, type Fault, type SimulatedCluster } from '../../simulator/index.js';

/** A host cluster for a run, as the product is told of it. */
export interface Host {
  environment: Record<string, string>;
  /** What every message has to say about it. */
  notice: string | undefined;
  close(): Promise<void>;
}

/** Deadlines of steps, by which faults show sooner than on a real cluster; nothing simulated takes that long. */
const stepDeadlineFactor = 0.1;

/** A simulated one; `cluster.inject` makes it fail. */
export interface SimulatedHost extends Host {
  cluster: SimulatedCluster;
}

/** A simulated cluster with public names at its edge, and `helm` and `istioctl` for it. */
export async function simulatedHost(fault: Fault | undefined): Promise<SimulatedHost> {
  const cluster = await startSimulatedCluster({ fault });
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-host-'));
  const config = join(directory, 'config.yaml');
  const address = `${cluster.edge.host}:${cluster.edge.port}`;
  await writeFile(
    config,
    stringify({ domain: 'vcdemo.localhost', exposure: { kind: 'traefik', address }, stepDeadlineFactor }),
  );
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

export interface RealHostOptions {
  kubeconfig: string;
  context?: string | undefined;
  config: string;
}

/** A real cluster. Of another context than the current one a copy of the kubeconfig is made, and removed at the end. */
export async function realHost({ kubeconfig, context, config }: RealHostOptions): Promise<Host> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-host-'));
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    let file = kubeconfig;
    if (context !== undefined) {
      const content = parse(await readFile(kubeconfig, 'utf8')) as { contexts?: { name: string }[] };
      const names = content.contexts?.map(({ name }) => name) ?? [];
      if (!names.includes(context))
        throw new Error(`${kubeconfig} has no context ${context}; it has ${names.join(', ')}`);
      file = join(directory, 'kubeconfig');
      await writeFile(file, stringify({ ...content, 'current-context': context }), { mode: 0o600 });
    }
    return { environment: { KUBECONFIG: file, VCDEMO_CONFIG: config }, notice: undefined, close };
  } catch (error) {
    await close();
    throw error;
  }
}
