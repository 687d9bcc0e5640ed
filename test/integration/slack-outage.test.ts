import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { findDemo } from '../../src/k8s/demo/demo-record.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { freePort } from '../support/free-port.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Bot and worker on the simulated cluster, with a Slack that is down when a job starts. */

describe('a create that starts while Slack is down', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let cluster: Cluster;
  let workerPort: number;

  before(async () => {
    host = await simulatedHost(undefined);
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
    stack = await startStack(host.environment, { notice: host.notice });
    workerPort = await freePort();
    await stack.startWorker({ WORKER_PORT: String(workerPort) });
  });
  after(async () => {
    cluster.close();
    await stack.close();
    await host.close();
  });

  for (const way of ['status', 'cut'] as const)
    test(`is finished, and reported when Slack is back (${way})`, { timeout: 180_000 }, async () => {
      const { slack } = stack;
      const demo = `away-${way}`;
      slack.setOutage(way);
      const answer = await stack.type(slack.alice, `create ${demo}`);
      assert.match(String(answer.body.text), new RegExp(`Creating demo .?${demo}`));
      await waitFor('the demo to be worked on', async () => (await findDemo(cluster, demo))?.places.length === 2, {
        withinMs: 120_000,
      });
      slack.setOutage(undefined);
      await stack.message(new RegExp(`Demo \\*?${demo}\\*? of .* is ready`), 120_000);
      const cards = async () =>
        (await slack.messages(slack.channel)).map(textOf).filter((text) => text.includes(`Demo ${demo} `));
      // The kubeconfig may arrive before the card's last edit.
      await waitFor('its card', async () => (await cards()).length > 0);
      assert.equal((await cards()).length, 1, (await cards()).join('\n---\n'));
    });

  /** Presses Delete until it is accepted: until then the demo is being created. */
  const deletes = (demo: string) =>
    waitFor(
      `the deletion of ${demo}`,
      async () => {
        await stack.press(stack.slack.alice, 'confirmed:0', `delete ${demo}`);
        return await waitFor('its start', async () => (await findDemo(cluster, demo))?.state === 'deleting', {
          withinMs: 5_000,
        }).catch(() => false);
      },
      { withinMs: 30_000 },
    );

  test('can be deleted as soon as it is ready, before Slack is back', { timeout: 180_000 }, async () => {
    const { slack } = stack;
    const demo = 'unseen';
    await stack.type(slack.alice, `create ${demo}`);
    slack.setOutage('status');
    await waitFor('a ready demo', async () => (await findDemo(cluster, demo))?.state === 'ready', {
      withinMs: 120_000,
    });
    await deletes(demo);
    await waitFor('the end of its namespaces', async () => (await findDemo(cluster, demo))?.places.length === 0, {
      withinMs: 60_000,
    });
    slack.setOutage(undefined);
    await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted; nothing is left`), 60_000);
    await waitFor('the end of its record', async () => (await findDemo(cluster, demo)) === undefined);
    await stack.whisper(slack.alice, new RegExp(`Demo \\*${demo}\\* became ready while Slack was not available`));
    const names = (await slack.files(slack.channel)).map(({ name }) => name);
    assert.ok(!names.some((name) => name.includes(demo)), names.join());
  });

  test(
    'is reported to operators while Slack rejects the token, and to people when it accepts it again',
    { timeout: 180_000 },
    async () => {
      const { slack } = stack;
      const demo = 'revoked-token';
      await stack.type(slack.alice, `create ${demo}`);
      slack.rejectToken('token_revoked');
      try {
        await waitFor('a ready demo', async () => (await findDemo(cluster, demo))?.state === 'ready', {
          withinMs: 120_000,
        });
        const answer = await fetch(`http://127.0.0.1:${workerPort}/readyz`);
        assert.equal(answer.status, 503);
        assert.match(await answer.text(), /rejects SLACK_BOT_TOKEN: token_revoked\n.*set SLACK_BOT_TOKEN to its token/);
      } finally {
        slack.rejectToken(undefined);
      }
      await stack.message(new RegExp(`Demo \\*?${demo}\\*? of .* is ready`), 120_000);
      const isSent = async () => (await slack.files(slack.channel)).filter(({ name }) => name.includes(demo));
      await waitFor('its kubeconfig', async () => (await isSent()).length > 0, { withinMs: 60_000 });
      assert.equal((await isSent()).length, 1);
      assert.equal((await fetch(`http://127.0.0.1:${workerPort}/readyz`)).status, 200);
    },
  );

  test('can be deleted although its last edit still waits for Slack', { timeout: 180_000 }, async () => {
    const { slack } = stack;
    const demo = 'edited';
    await stack.type(slack.alice, `create ${demo}`);
    slack.failCalls('chat.update', 'ratelimited');
    try {
      await waitFor('a ready demo', async () => (await findDemo(cluster, demo))?.state === 'ready', {
        withinMs: 120_000,
      });
      await deletes(demo);
      await waitFor('the end of its namespaces', async () => (await findDemo(cluster, demo))?.places.length === 0, {
        withinMs: 60_000,
      });
    } finally {
      slack.failCalls('chat.update', undefined);
    }
    await stack.message(new RegExp(`Demo \\*${demo}\\* has been deleted; nothing is left`), 60_000);
  });
});
