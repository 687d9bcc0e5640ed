import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../support/free-port.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { botUserId } from '../support/slack.js';
import { startStack, textOf, type RunningProcess, type Stack } from '../support/stack.js';
import { endLife } from '../support/end-life.js';
import { waitFor } from '../support/wait-for.js';
import { connectCluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';

/* Bot and worker as processes of dist/, real Redis, emulated Slack, simulated cluster; test/e2e covers real clusters. */

const uploaded = 'files.completeUploadExternal';

describe('on a simulated cluster, a demo', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let worker: RunningProcess;
  /** The lines that the worker logged. */
  let metrics: () => Promise<string[]>;

  before(async () => {
    host = await simulatedHost(undefined);
    stack = await startStack(host.environment, { notice: host.notice });
    const port = await freePort();
    worker = await stack.startWorker({ WORKER_PORT: String(port) });
    metrics = async () => (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n');
  });
  after(async () => {
    await stack?.close();
    await host?.close();
  });

  it('is created, verified, refused a second time and deleted, by slash commands', async () => {
    const { slack } = stack;
    await stack.type(slack.alice, 'create sim');
    const [file] = await waitFor(
      'the kubeconfig',
      async () => {
        const texts = (await slack.messages(slack.channel)).map(textOf);
        assert.equal(
          texts.find((text) => /Creating demo .* failed/.test(text)),
          undefined,
        );
        const files = await slack.files(slack.channel);
        return files.length > 0 && files;
      },
      { withinMs: 60_000 },
    );
    assert.match(file!.content, /current-context: vc1/);
    assert.match(file!.content, /tls-server-name: sim-vc2.vcdemo.localhost/);
    await stack.type(slack.bob, 'create sim');
    assert.match(await stack.whisper(slack.bob, /sim/), /already exists: it is ready/);
    await stack.type(slack.bob, 'verify sim');
    const verdict = await stack.message(/requests from sleep/);
    assert.match(textOf(verdict), /the mesh works: both versions answer/);
    for (const cluster of ['vc1', 'vc2'])
      assert.match(textOf(verdict), new RegExp(`from ${cluster}\\*: v1: [1-9]\\d* · v2: [1-9]`));
    const details = await waitFor('the details in the thread', async () =>
      slack.calls.find(({ method, arguments: sent }) => method === uploaded && sent.thread_ts === verdict.ts),
    );
    assert.match(details.arguments.initial_comment!, /p = .* against the expected shares/);
    await stack.type(slack.bob, 'status sim');
    assert.match(await stack.whisper(slack.bob, /Demo sim:/), /all parts are in place/);
    const question = await stack.confirm(slack.alice, 'delete sim');
    assert.match(
      question,
      new RegExp(`It belongs to <@${slack.alice.userId}>, is \\d+\\w+ old and expires .*; it is ready`),
    );
    await stack.message(/Demo \*sim\* has been deleted; nothing is left/);
    const expected = [
      'vcdemo_job_duration_seconds_count{job_name="create",outcome="done"} 2',
      'vcdemo_job_duration_seconds_count{job_name="delete",outcome="done"} 1',
      'vcdemo_job_wait_seconds_count{job_name="verify"} 1',
      'vcdemo_step_duration_seconds_count{flow="create",step="virtualCluster",outcome="done"} 2',
      'vcdemo_step_duration_seconds_count{flow="delete",step="leftovers",outcome="done"} 1',
      'vcdemo_slack_calls_total{method="files.completeUploadExternal",outcome="ok"} 2',
      'vcdemo_queue_jobs{queue="provisioning",state="active"} 0',
      'vcdemo_demos{state="ready"} 0',
      'vcdemo_demos_expired 0',
    ];
    // A job is counted a moment after its last message.
    let lines: string[] = [];
    await waitFor(
      `the metrics ${expected.join(', ')}`,
      async () => {
        lines = await metrics();
        return expected.every((line) => lines.includes(line));
      },
      { withinMs: 90_000, seen: () => lines },
    );
    // Everything sent to the workspace says what it is about.
    for (const { text } of slack.timeline.entries.filter(({ from }) => from === botUserId))
      assert.match(text, /simulated cluster/);
  });

  it('gets a kubeconfig that kubectl accepts', async (test) => {
    const { failed } = await execa('kubectl', ['version', '--client'], { reject: false });
    if (failed) return test.skip('there is no kubectl on the PATH');
    await stack.type(stack.slack.alice, 'create tool');
    await stack.message(/Demo \*tool\* of .* is ready/, 60_000);
    const file = (await stack.slack.files(stack.slack.channel)).findLast(({ name }) => name.startsWith('tool'))!;
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-kubectl-'));
    try {
      const path = join(directory, 'kubeconfig');
      await writeFile(path, file.content, { mode: 0o600 });
      for (const [context, version] of [
        ['vc1', 'v1'],
        ['vc2', 'v2'],
      ]) {
        const options = ['--kubeconfig', path, '--context', context!, '-n', 'sample'];
        const { stdout } = await execa('kubectl', [...options, 'get', 'deployments', '-o', 'name']);
        assert.match(stdout, new RegExp(`deployment.apps/helloworld-${version}`));
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('is deleted by the next worker if it expires while there is none', async () => {
    await stack.type(stack.slack.alice, 'create past');
    await stack.message(/Demo \*past\* of .* is ready/, 60_000);
    await worker.kill('SIGTERM');
    const cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    await endLife(cluster, 'past');
    cluster.close();
    worker = await stack.startWorker();
    await stack.message(/Demo \*past\* expired and has been deleted; nothing is left/, 60_000);
  });

  it('is reported with what to do if the host cluster does not answer', async () => {
    await host.cluster.inject('api-down');
    await stack.type(stack.slack.alice, 'list');
    assert.match(
      textOf(await stack.message(/`list` failed/)),
      /API of the host cluster at .* cannot be reached[\s\S]*What to do:/,
    );
  });
});
