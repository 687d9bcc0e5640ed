import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { endLife } from '../support/end-life.js';
import { waitFor } from '../support/wait-for.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { findDemo } from '../../src/k8s/demo/demo-record.js';
import { apply, merge } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { jobKeys } from '../support/job-keys.js';

/* dist/jobs/worker/sweep.js, as the chart's CronJob runs it, on a demo whose worker is gone. */

const script = fileURLToPath(new URL('../../dist/jobs/worker/sweep.js', import.meta.url));

describe('the sweep', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;
  let directory: string;
  let environment: Record<string, string>;

  before(async () => {
    host = await simulatedHost(undefined);
    stack = await startStack(host.environment, { notice: host.notice });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    const worker = await stack.startWorker();
    await stack.type(stack.slack.alice, 'create past');
    await stack.message(/Demo \*past\* of .* is ready/, 60_000);
    await worker.kill('SIGTERM');
    await endLife(cluster, 'past');
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-sweep-'));
    const config = parse(await readFile(host.environment.VCDEMO_CONFIG!, 'utf8')) as object;
    const impatient = join(directory, 'config.yaml');
    await writeFile(impatient, stringify({ ...config, stepDeadlineFactor: 0.01 }));
    environment = {
      ...host.environment,
      VCDEMO_CONFIG: impatient,
      ...jobKeys,
      SLACK_BOT_TOKEN: stack.slack.botToken,
      SLACK_API_URL: stack.slack.apiUrl,
      REDIS_URL: stack.redis.url,
    };
  });
  after(async () => {
    cluster?.close();
    await stack?.close();
    await host?.close();
    await rm(directory, { recursive: true });
  });

  const sweep = (extra: Record<string, string> = {}) =>
    execa(process.execPath, [script], { env: { ...environment, ...extra }, reject: false });
  /** The card, and what its thread says. */
  const said = () => stack.slack.timeline.entries.map(textOf).filter((text) => text.includes('past'));
  let earlier = 0;
  const posted = () => said().length - earlier;

  it('leaves alone demos that are claimed in another namespace', async () => {
    const kubeconfig = parse(host.cluster.kubeconfig) as { contexts: { context: object }[] };
    const [{ context }] = kubeconfig.contexts as [{ context: object }];
    const file = join(directory, 'elsewhere');
    const contexts = [{ ...kubeconfig.contexts[0], context: { ...context, namespace: 'elsewhere' } }];
    await writeFile(file, stringify({ ...kubeconfig, contexts }), { mode: 0o600 });
    const { exitCode } = await sweep({ KUBECONFIG: file });
    assert.equal(exitCode, 0);
    assert.equal((await findDemo(cluster, 'past'))?.state, 'ready');
    earlier = said().length;
  });

  it('reports once why a demo cannot be deleted, and retries silently', async () => {
    const keeping = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'keeps', namespace: 'past-vc1', finalizers: ['example.com/keeps'] },
    };
    await apply(cluster, keeping);
    assert.equal((await sweep()).exitCode, 1);
    const failures = said().filter((text) => /past.* did not finish/.test(text));
    for (const failure of failures) assert.match(failure, /past-vc1 is Terminating[\s\S]*What to do:/);
    assert.equal(failures.length, 2);
    const after = posted();
    const { problem, state } = (await findDemo(cluster, 'past'))!;
    assert.equal(state, 'deleting');
    assert.match(problem ?? '', /Terminating/);
    assert.equal((await sweep()).exitCode, 1);
    assert.equal(posted(), after);
    await merge(cluster, ref('v1', 'ConfigMap', 'keeps', 'past-vc1'), { metadata: { finalizers: null } });
    await waitFor('the end of its namespaces', async () => (await findDemo(cluster, 'past'))?.places.length === 0);
  });

  it('reports later that a demo has been deleted if Slack accepts no message at the time', async () => {
    const after = posted();
    stack.slack.failCalls('chat.update', 'account_inactive');
    assert.equal((await sweep()).exitCode, 1);
    assert.ok(await findDemo(cluster, 'past'), 'the record stays');
    stack.slack.failCalls('chat.update', undefined);
    assert.equal((await sweep()).exitCode, 0);
    await stack.message(/Demo \*past\* expired and has been deleted; nothing is left/);
    assert.equal(await findDemo(cluster, 'past'), undefined);
    assert.equal(posted(), after);
  });
});
