import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulatedCluster, type SimulatedCluster } from '../../demo/cluster/index.js';
import { startStack, textOf, type Stack } from '../../demo/stack.js';
import { waitFor } from '../../demo/wait-for.js';

/* Bot and worker as processes of dist/, real Redis, emulated Slack, simulated cluster: what a real one does is for test/e2e. */

describe('on a simulated cluster, a demo', () => {
  let simulated: SimulatedCluster;
  let stack: Stack;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-whole-path-'));
    const config = join(directory, 'config.yaml');
    await writeFile(config, 'exposure: { kind: none }\n');
    simulated = await startSimulatedCluster();
    const tools = fileURLToPath(new URL('../../demo/bin', import.meta.url));
    const PATH = `${tools}:${process.env.PATH}`;
    stack = await startStack({ KUBECONFIG: simulated.kubeconfigFile, VCDEMO_CONFIG: config, PATH });
    await stack.startWorker();
  });
  after(async () => {
    await stack?.close();
    await simulated?.close();
    await rm(directory, { recursive: true });
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
    await stack.type(slack.bob, 'create sim');
    assert.match(await stack.whisper(slack.bob, /sim/), /is there already: it is ready/);
    await stack.type(slack.bob, 'verify sim');
    assert.match(textOf(await stack.message(/requests from sleep/)), /v1: [1-9]\d* · v2: [1-9]/);
    await stack.type(slack.bob, 'status sim');
    assert.match(await stack.whisper(slack.bob, /Demo sim:/), /everything is there/);
    await stack.type(slack.alice, 'delete sim');
    await stack.press(slack.alice, 'delete_demo', 'sim');
    await stack.message(/Demo \*sim\* is deleted, nothing is left/);
  });

  it('is told of when the host cluster does not answer, with what to do', async () => {
    await simulated.inject('api-down');
    await stack.type(stack.slack.alice, 'list');
    assert.match(textOf(await stack.message(/`list` failed/)), /API of host at .* cannot be reached[\s\S]*What to do:/);
  });
});
