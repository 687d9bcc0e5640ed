import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { V1Secret } from '@kubernetes/client-node';
import { readDemoConfig } from '../../src/config.js';
import { recorded, noteFiles } from '../../src/jobs/slack/files.js';
import { createSlack, type Slack } from '../../src/jobs/slack/slack.js';
import { ApiError } from '../../src/k8s/client/api-errors.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { placesOf } from '../../src/k8s/demo/demo.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { dashboardToken } from '../../src/k8s/virtual-cluster/dashboard.js';
import { apply, merge, read } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import { ref, type Reference } from '../../src/k8s/client/manifest.js';
import { isBound } from '../../src/k8s/credentials/revocation.js';
import { accessWith } from '../../src/k8s/client/server-access.js';
import { adminBinding, userNameOf } from '../../src/k8s/credentials/user-certificate.js';
import { VirtualClusterConnections } from '../../src/k8s/virtual-cluster/virtual-cluster.js';
import { createLog } from '../../src/log.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { createSlackClient } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { peopleAround } from '../../src/slack/people.js';
import { commandRunner } from '../support/command-run.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A kubeconfig that is issued in this process while a worker of dist/ revokes access. */

describe('a kubeconfig that is issued while access is revoked', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let hostCluster: Cluster;
  let slack: Slack;

  before(async () => {
    host = await simulatedHost(undefined);
    stack = await startStack(host.environment, { notice: host.notice });
    await stack.startWorker();
    hostCluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    const { botToken: token, apiUrl } = stack.slack;
    const client = createSlackClient({ token, apiUrl, observe: () => undefined });
    const log = createLog('test', 'silent');
    slack = createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
    for (const name of demos) await stack.type(stack.slack.alice, `create ${name}`);
    for (const name of demos) await stack.message(new RegExp(`Demo \\*${name}\\* of .* is ready`), 120_000);
  });
  after(async () => {
    hostCluster?.close();
    await stack?.close();
    await host?.close();
  });

  const demos = ['race-1', 'race-2', 'race-3'];
  let demo = '';
  let count = 0;
  // In turns, because the same command within ten seconds counts once; and nobody's access is revoked yet.
  beforeEach(async () => {
    demo = demos[count++ % demos.length]!;
    await changeRecord(hostCluster, (await findDemo(hostCluster, demo))!, (current) => ({ ...current, revoked: [] }));
  });

  /** Bob's kubeconfig; `meanwhile` happens when it was issued, and before it is sent. */
  async function issue(meanwhile: () => Promise<unknown>) {
    const { userId, userName } = stack.slack.bob;
    const command = commandRunner(host.cluster, { config: readDemoConfig(host.environment.VCDEMO_CONFIG) });
    const sendFile: Slack['sendFile'] = async (...args) => {
      await meanwhile();
      return await slack.sendFile(...args);
    };
    const requester = { userId, userName, channelId: stack.slack.channel };
    return await command('kubeconfig', userId, { demo, requester }, { slack: { ...slack, sendFile } });
  }
  const bobsUser = () => userNameOf(stack.slack.bob);
  const revokeBob = async () => {
    const ended = () =>
      stack.slack.ephemeral(stack.slack.alice.userId).filter((said) => /no longer works/.test(textOf(said))).length;
    const before = ended();
    await stack.confirm(stack.slack.alice, `revoke ${demo} <@${stack.slack.bob.userId}>`);
    await waitFor('the end of the revoke', () => Promise.resolve(ended() > before));
  };
  async function inVirtualClusters(work: (cluster: Cluster) => Promise<unknown>): Promise<void> {
    const { signal } = new AbortController();
    const connections = new VirtualClusterConnections(hostCluster, { signal, inCluster: false });
    try {
      for (const place of placesOf(demo)) await work(await connections.connect(place));
    } finally {
      await connections.close();
    }
  }
  async function assertNothingLeft(): Promise<void> {
    await inVirtualClusters(async (cluster) => assert.equal(await isBound(cluster, bobsUser()), false, cluster.name));
    assert.deepEqual(await filesOfBob(), []);
    assert.deepEqual((await findDemo(hostCluster, demo))!.files.filter(isBobs), []);
  }
  async function withToken(of: Cluster, token: string, work: (cluster: Cluster) => Promise<void>): Promise<void> {
    const own = connectCluster(of.name, accessWith(of.access.server, { token }));
    await work(own).finally(() => own.close());
  }
  const isBobs = ({ to }: { to: string }) => to === stack.slack.bob.userId;
  const filesOfBob = async () =>
    (await stack.slack.files(await stack.slack.directMessages(stack.slack.bob.userId))).filter(({ name }) =>
      name.startsWith(demo),
    );

  it('is withdrawn, and opens nothing, if its person’s access is revoked while it is sent', async () => {
    assert.equal((await issue(revokeBob)).code, 'access-revoked');
    await assertNothingLeft();
  });

  it('opens nothing even if its binding comes after the revoke has looked for bindings', async () => {
    const { code } = await issue(async () => {
      await revokeBob();
      await inVirtualClusters((cluster) => apply(cluster, adminBinding(bobsUser())));
    });
    assert.equal(code, 'access-revoked');
    await assertNothingLeft();
  });

  it('ends with the tokens for the Dashboard that its person has got', async () => {
    const { userId } = stack.slack.bob;
    const tokens: Record<string, string> = {};
    const look = (cluster: Cluster) =>
      withToken(cluster, tokens[cluster.name]!, (own) => list(own, 'v1', 'Namespace').then(() => undefined));
    await inVirtualClusters(async (cluster) => {
      tokens[cluster.name] = (await dashboardToken(cluster, userId)).token;
      await look(cluster);
    });
    await revokeBob();
    await inVirtualClusters((cluster) =>
      assert.rejects(look(cluster), (error: unknown) => error instanceof ApiError && error.status === 401),
    );
  });

  it('is withdrawn, and its person told to ask again, if all keys are replaced while it is sent', async () => {
    const [vc1, vc2] = placesOf(demo).map(({ name, namespace }) => ref('v1', 'Secret', `vc-${name}`, namespace));
    const authority = 'certificate-authority';
    const authorityIn = async (secret: Reference) => (await read<V1Secret>(hostCluster, secret))!.data![authority]!;
    const own = await authorityIn(vc1!);
    const { code } = await issue(async () => {
      // The simulated cluster cannot replace keys: here the CA of one virtual cluster becomes that of the other.
      await merge(hostCluster, vc1!, { data: { [authority]: await authorityIn(vc2!) } });
    });
    await merge(hostCluster, vc1!, { data: { [authority]: own } });
    assert.equal(code, 'keys-replaced');
    assert.deepEqual(await filesOfBob(), []);
    assert.deepEqual((await findDemo(hostCluster, demo))!.files.filter(isBobs), []);
  });

  it('that was sent and not recorded, because the worker died, is replaced by the one that is sent next', async () => {
    const { userId } = stack.slack.bob;
    const found = (await findDemo(hostCluster, demo))!;
    const name = `${demo}.kubeconfig.yaml`;
    const file = { filename: name, content: 'a', title: name, comment: mrkdwn`kubeconfig` };
    await slack.sendFile(userId, recorded(hostCluster, found, file, bobsUser()));
    // Here the worker dies. The next run has only the record.
    const sent = await slack.sendFile(userId, recorded(hostCluster, found, { ...file, content: 'b' }, bobsUser()));
    await noteFiles(slack, hostCluster, found, sent, { to: userId, user: bobsUser() });
    assert.deepEqual(
      (await filesOfBob()).map(({ content }) => content),
      ['b'],
    );
    const { files } = (await findDemo(hostCluster, demo))!;
    assert.deepEqual(
      files.filter(({ to }) => to === userId).map(({ id, user }) => ({ id, user })),
      sent.ids.map((id) => ({ id, user: bobsUser() })),
    );
  });
});
