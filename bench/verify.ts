import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { connectCluster, type Cluster } from '../src/k8s/client/cluster.js';
import { contextAccess } from '../src/k8s/client/host-access.js';
import { sendTraffic } from '../src/k8s/mesh/traffic.js';
import { medianOf } from '../src/median.js';
import { verifyMesh } from '../src/jobs/commands/verify/mesh.js';

/*
 * npm run bench:verify -- --kubeconfig FILE --contexts A,B: the loop with which the manual guide verifies a mesh, one
 * `kubectl exec` for each of 12 requests, against what verify does, on the same pair in the same minutes. Every round
 * opens new connections, as the loop does. Exits with 1 if a limit is exceeded.
 */

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: process.env.KUBECONFIG },
    contexts: { type: 'string', default: 'vc1,vc2' },
    rounds: { type: 'string', default: '5' },
  },
});
const kubeconfig = values.kubeconfig!;
const [first = '', second = ''] = values.contexts.split(',');
const namespace = 'sample';
const { signal } = new AbortController();

const works = {
  loop: async () => {
    const curl = ['curl', '-sS', `helloworld.${namespace}:5000/hello`];
    const target = ['--kubeconfig', kubeconfig, '--context', first, '-n', namespace];
    for (let sent = 0; sent < 12; sent++)
      await execa('kubectl', [...target, 'exec', 'deploy/sleep', '-c', 'sleep', '--', ...curl]);
  },
  traffic: () =>
    withClusters(async ([cluster]) => {
      const { parallel } = await sendTraffic(cluster, { namespace, parallel: 12, sequential: 0 }, signal);
      assertAnswered(parallel.times.length, 12);
    }),
  verify: () => verify(12),
  thousand: () => verify(1000),
};

const times: Record<keyof typeof works, number[]> = { loop: [], traffic: [], verify: [], thousand: [] };
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, work] of Object.entries(works) as [keyof typeof works, () => Promise<void>][]) {
    const start = performance.now();
    await work();
    times[name].push((performance.now() - start) / 1000);
  }

const rows = [
  { what: 'the loop: 12 requests, one kubectl each', seconds: times.loop },
  { what: 'the traffic of 12', seconds: times.traffic, atMost: 0.12 },
  { what: 'verify: both directions, every check', seconds: times.verify, atMost: 0.55 },
  { what: 'verify --requests 1000', seconds: times.thousand, atMostSeconds: 5 },
];
const loop = medianOf(times.loop);
let isOver = false;
console.log(`${values.rounds} rounds; seconds: median (fastest to slowest); part of the loop's time\n`);
for (const { what, seconds, atMost, atMostSeconds } of rows) {
  const middle = medianOf(seconds);
  const limit = atMost ? `at most ${atMost}` : atMostSeconds ? `at most ${atMostSeconds} s` : '';
  isOver ||= middle / loop > (atMost ?? Infinity) || middle > (atMostSeconds ?? Infinity);
  const range = `(${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)})`;
  console.log(
    `${what.padEnd(42)} ${middle.toFixed(2).padStart(6)} ${range.padEnd(16)} ${(middle / loop).toFixed(2)}  ${limit}`,
  );
}
process.exitCode = isOver ? 1 : 0;

async function verify(parallel: number): Promise<void> {
  await withClusters(async (clusters) => {
    const { verdict } = await verifyMesh({ clusters, namespace, hasOwnNames: true }, { parallel, signal });
    if (verdict.kind !== 'pass') throw new Error(`the mesh does not work: ${verdict.reason}`);
  });
}

async function withClusters(work: (clusters: readonly [Cluster, Cluster]) => Promise<void>): Promise<void> {
  const connect = (context: string) => connectCluster(context, contextAccess(kubeconfig, context));
  const clusters = [connect(first), connect(second)] as const;
  try {
    await work(clusters);
  } finally {
    for (const cluster of clusters) cluster.close();
  }
}

function assertAnswered(answered: number, asked: number): void {
  if (answered < asked) throw new Error(`only ${answered} of ${asked} requests were answered`);
}
