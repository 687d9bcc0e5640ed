/*
 * A simulated cluster to try things on, until Ctrl-C:
 *   node --import tsx demo/cluster/main.ts [--fault NAME] [--edge-port PORT]
 */
import { parseArgs } from 'node:util';
import { faultNames, startSimulatedCluster } from './index.js';

const { values } = parseArgs({ options: { fault: { type: 'string' }, 'edge-port': { type: 'string' } } });
const fault = faultNames.find((name) => name === values.fault);
if (values.fault && !fault) throw new Error(`no such fault: ${values.fault}; there are ${faultNames.join(', ')}`);

const cluster = await startSimulatedCluster({ fault, edgePort: Number(values['edge-port'] ?? 0) });
console.log(
  `simulated cluster\n  export KUBECONFIG=${cluster.kubeconfigFile}\n  edge: ${cluster.edge.host}:${cluster.edge.port}`,
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cluster.close());
