import { parseArgs } from 'node:util';
import { expectedWeights, requests } from '../src/commands/flags.js';
import { messageOf } from '../src/errors.js';
import { connectCluster } from '../src/k8s/client/cluster.js';
import { contextAccess } from '../src/k8s/client/host-access.js';
import { reportJson } from '../src/jobs/commands/verify/details.js';
import { defaultRequests, verifyMesh } from '../src/jobs/commands/verify/mesh.js';
import { reportText } from '../src/jobs/commands/verify/report-text.js';

/*
 * npm run -s verify -- --contexts A,B: what `/vcdemo verify` says, of any two clusters with one Istio mesh on one network.
 * Exits with 0 if the mesh works, 1 if it does not, and 2 if that is open, or could not be asked.
 */

const usage = `Usage: npm run -s verify -- --contexts A,B [--kubeconfig FILE] [--namespace sample]
         [--requests ${defaultRequests}] [--expect v1=90,v2=10] [--json]

Sends requests to helloworld from the sleep pod of both clusters, and checks what the mesh depends on.
Both clusters need Istio's samples sleep and helloworld in the namespace, one version of helloworld each.
Without --kubeconfig, KUBECONFIG is read. Exit status: 0 works, 1 does not work, 2 undecided or not possible.
`;

const limits = { maxTtlMs: 0 };

try {
  process.exitCode = await verify();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n\n${usage}`);
  process.exitCode = 2;
}

async function verify(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kubeconfig: { type: 'string', default: process.env.KUBECONFIG },
      contexts: { type: 'string' },
      namespace: { type: 'string', default: 'sample' },
      requests: { type: 'string' },
      expect: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { kubeconfig, namespace } = values;
  const [first, second, ...more] = values.contexts?.split(',').map((name) => name.trim()) ?? [];
  if (!first || !second || more.length > 0 || first === second)
    throw new Error('--contexts names two contexts: --contexts east,west');
  if (!kubeconfig) throw new Error('--kubeconfig or KUBECONFIG names the file with the two contexts.');
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw new Error(`${namespace} is not the name of a namespace.`);
  const weights = values.expect === undefined ? undefined : expectedWeights.parse(values.expect, limits);
  const parallel = values.requests === undefined ? defaultRequests : requests.parse(values.requests, limits);

  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('Interrupted.')));
  const clusters = [
    connectCluster(first, contextAccess(kubeconfig, first)),
    connectCluster(second, contextAccess(kubeconfig, second)),
  ] as const;
  try {
    const report = await verifyMesh(
      { clusters, namespace, hasOwnNames: true },
      { parallel, expectation: weights && { weights, isStated: true }, signal: stop.signal },
    );
    process.stdout.write(values.json ? `${JSON.stringify(reportJson(report), null, 2)}\n` : reportText(report));
    return { pass: 0, fail: 1, inconclusive: 2 }[report.verdict.kind];
  } finally {
    for (const cluster of clusters) cluster.close();
  }
}
