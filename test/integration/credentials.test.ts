import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { V1Namespace } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { ApiError } from '../../src/k8s/client/api-errors.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { findDemo } from '../../src/k8s/demo/demo-record.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { list } from '../../src/k8s/client/lists.js';
import { read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { forgetRepeats } from '../support/redis.js';
import { startStack, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Who can access a demo, for how long, and how access is repaired: real bot and worker, simulated cluster. */

describe('on a simulated cluster, the kubeconfig of a demo', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let directory: string;
  const open: Cluster[] = [];

  before(async () => {
    host = await simulatedHost(undefined);
    stack = await startStack(host.environment, { notice: host.notice });
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-credentials-'));
    await stack.startWorker();
    for (const demo of ['red', 'blue']) await stack.type(stack.slack.alice, `create ${demo}`);
    for (const demo of ['red', 'blue']) await stack.message(new RegExp(`Demo \\*${demo}\\* of .* is ready`), 120_000);
  });
  after(async () => {
    for (const cluster of open) cluster.close();
    await stack?.close();
    await host?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The newest file of that name that a person or the channel received. */
  const fileOf = (place: string, name: RegExp) =>
    waitFor(`a file like ${name}`, async () =>
      (await stack.slack.files(place)).findLast((file) => name.test(file.name)),
    );
  async function save(name: string, content: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }
  /** The cluster that a context of those files refers to, as kubectl would merge them. */
  async function connect(files: readonly string[], context: string): Promise<Cluster> {
    const current = await save(
      `current-${context}`,
      stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': context }),
    );
    const cluster = connectCluster(context, hostAccess({ KUBECONFIG: [current, ...files].join(delimiter) }));
    open.push(cluster);
    return cluster;
  }

  it('can be merged with another demo’s, and each context leads to its own demo', async () => {
    const files = [];
    for (const demo of ['red', 'blue']) {
      const { content } = await fileOf(stack.slack.channel, new RegExp(`^${demo}\\.kubeconfig`));
      files.push(await save(`${demo}.yaml`, content));
    }
    const seen = [];
    for (const context of ['red-vc1', 'red-vc2', 'blue-vc1', 'blue-vc2']) {
      const kubeSystem = await read<V1Namespace>(await connect(files, context), ref('v1', 'Namespace', 'kube-system'));
      seen.push(kubeSystem?.metadata?.uid);
    }
    assert.equal(new Set(seen).size, 4);
    const red = await read<V1Namespace>(await connect([files[0]!], 'vc1'), ref('v1', 'Namespace', 'kube-system'));
    assert.equal(red?.metadata?.uid, seen[0]);
  });

  it('stops working when the person’s access is revoked, is deleted in Slack, and is not issued again', async () => {
    const { slack } = stack;
    await stack.type(slack.bob, 'kubeconfig red');
    const direct = await slack.directMessages(slack.bob.userId);
    const { content } = await fileOf(direct, /^red-u-bob/);
    const path = await save('bob.yaml', content);
    const onHost = connectCluster('host', hostAccess({ KUBECONFIG: host.environment.KUBECONFIG }));
    open.push(onHost);
    const [user] = (parse(content) as { users: { name: string }[] }).users;
    const noted = (await findDemo(onHost, 'red'))?.files.find(({ to }) => to === slack.bob.userId);
    assert.equal(`red-vc1-${noted?.user}`, user?.name, 'the next one is for the same user');
    await list(await connect([path], 'red-vc1'), 'v1', 'Namespace');
    const certificate = (parse(content) as { users: { user: Record<string, string> }[] }).users[0]!;
    assert.ok(certificate.user['client-certificate-data']);

    await stack.type(slack.bob, `revoke red <@${slack.alice.userId}>`);
    await stack.whisper(slack.bob, /only its owner or an administrator can run `\/vcdemo revoke` on it/);

    const question = await stack.confirm(slack.alice, `revoke red <@${slack.bob.userId}>`);
    assert.match(
      question,
      new RegExp(`Revoke <@${slack.bob.userId}>'s access.*Others with a kubeconfig: .*<@${slack.bob.userId}>`, 's'),
    );
    const told = await stack.whisper(slack.alice, /for demo \*?red\*? no longer works/);
    assert.match(told, /shared in the channel still works/);
    for (const context of ['red-vc1', 'red-vc2'])
      await assert.rejects(
        list(await connect([path], context), 'v1', 'Namespace'),
        (error: unknown) => error instanceof ApiError && error.status === 403,
      );
    assert.deepEqual(await slack.files(direct), []);
    await stack.type(slack.bob, 'kubeconfig red');
    await stack.whisper(slack.bob, /access to demo red was revoked/);
    // A Dashboard's token and a kubeconfig that a create delivers are credentials as well.
    for (const line of ['dashboard red', 'create red']) {
      await stack.type(slack.bob, line);
      await stack.whisper(slack.bob, new RegExp(`${line}.*access to demo red was revoked`, 's'));
    }
  });

  it('is in their own name if nobody else gets it, so that it stops working when their access is revoked', async () => {
    const { slack } = stack;
    const direct = await slack.directMessages(slack.bob.userId);
    slack.failCalls('conversations.info', 'missing_scope'); // so the worker cannot tell who would read it in the channel
    await stack.type(slack.bob, 'create green');
    await stack.whisper(slack.bob, /kubeconfig of demo \*?green\*? was sent only to you/, 120_000);
    slack.failCalls('conversations.info', undefined);
    const { content } = await fileOf(direct, /^green\.kubeconfig/);
    const path = await save('green.yaml', content);
    await list(await connect([path], 'green-vc1'), 'v1', 'Namespace');
    await stack.type(slack.bob, `transfer green <@${slack.alice.userId}>`);
    await stack.whisper(slack.bob, /green\*? now belongs to/);
    await stack.confirm(slack.alice, `revoke green <@${slack.bob.userId}>`);
    await stack.whisper(slack.alice, /for demo \*?green\*? no longer works/);
    for (const context of ['green-vc1', 'green-vc2'])
      await assert.rejects(
        list(await connect([path], context), 'v1', 'Namespace'),
        (error: unknown) => error instanceof ApiError && error.status === 403,
      );
  });

  it('belongs to a demo that "create" restores when "status" finds a part missing', async () => {
    const { slack } = stack;
    const { content } = await fileOf(slack.channel, /^blue\.kubeconfig/);
    const vc2 = await connect([await save('advice.yaml', content)], 'vc2');
    await remove(vc2, ref('apps/v1', 'Deployment', 'helloworld-v2', 'sample'));
    await stack.type(slack.alice, 'status blue');
    const advice = await stack.whisper(slack.alice, /Demo blue: .*have problems|Demo \*?blue.*have problems/s);
    assert.match(advice, /`\/vcdemo create blue` restores/);
    await forgetRepeats(stack.redis);
    await stack.type(slack.alice, 'create blue');
    await waitFor('helloworld-v2', () => read(vc2, ref('apps/v1', 'Deployment', 'helloworld-v2', 'sample')), {
      withinMs: 60_000,
    });
    await stack.message(/Demo \*blue\* of .* is ready/, 60_000);
    await stack.type(slack.bob, 'status blue');
    await stack.whisper(slack.bob, /all parts are in place/);
    await stack.type(slack.bob, 'create blue');
    await stack.whisper(slack.bob, /already exists/);
  });
});
