import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig } from '../../src/config.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import { upkeepFor } from '../../src/jobs/worker/upkeep.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo, hasRecord } from '../../src/k8s/demo/demo-record.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { workerSlack } from '../support/worker-slack.js';

/* Demos without namespaces, so that only their end is left to tell. */

describe('the end of a demo that expires while Slack is down', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let workspace: SlackWorkspace;
  let slack: Slack;
  withSimulatedCluster((connected, cluster) => ([host, simulated] = [connected, cluster]));
  before(async () => {
    workspace = await startSlack();
    slack = workerSlack(workspace, { patienceMs: 1, visiblePausesMs: [] });
  });
  after(() => workspace.close());

  /** An expired demo; one with a card has it in the channel. */
  async function expired(name: string, hasCard: boolean): Promise<void> {
    const { channel, alice } = workspace;
    const to = { channelId: channel, userId: alice.userId };
    const card = hasCard ? await slack.post(to, messageOfParagraphs([mrkdwn`Demo *${name}* is ready`])) : undefined;
    const owner = { id: alice.userId, name: alice.userName };
    const demo = plannedDemo({
      name,
      owner,
      channel,
      now: new Date(Date.now() - 7_200_000),
      claimNamespace: 'default',
    });
    const past = new Date(Date.now() - 1000);
    await changeRecord(host, demo, (current) => ({ ...current, state: 'ready', ready: past, expires: past, card }));
  }
  /** What a sweep does about it, if it is due. */
  async function sweep(name: string) {
    const config = { ...readDemoConfig(undefined), stepDeadlineFactor: 0.05 };
    const demo = await findDemo(host, name);
    const due = upkeepFor(demo ? [demo] : [], config, new Date());
    if (due.length === 0) return 'nothing is due';
    assert.deepEqual(
      due.map((request) => request.name),
      ['expire'],
    );
    // A job of nobody: its payload has no requester.
    const run = commandRunner(simulated, { config });
    return (await run('expire' as 'delete', workspace.alice.userId, { demo: name }, { slack })).code;
  }
  const shown = (name: string) =>
    workspace.timeline.entries
      .map(textOf)
      .filter((text) => text.includes(`*${name}*`) && /expired and has been deleted; nothing is left/.test(text));

  for (const hasCard of [true, false])
    for (const way of ['status', 'cut'] as const)
      it(`is told once, by the first sweep that reaches Slack (${hasCard ? 'with' : 'without'} a card, ${way})`, async () => {
        const name = `gone-${hasCard ? 'card' : 'bare'}-${way}`;
        await expired(name, hasCard);
        workspace.setOutage(way);
        for (let turn = 1; turn <= 2; turn++) {
          assert.notEqual(await sweep(name), undefined, 'it fails');
          assert.equal((await findDemo(host, name))?.state, 'deleting');
        }
        workspace.setOutage(undefined);
        assert.deepEqual(shown(name), []);
        assert.equal(await sweep(name), undefined);
        assert.equal(shown(name).length, 1);
        assert.equal(await hasRecord(host, name), false);
        assert.equal(await sweep(name), 'nothing is due');
        assert.equal(shown(name).length, 1);
        const failures = workspace.timeline.entries.map(textOf).filter((text) => /:x:/.test(text));
        assert.deepEqual(failures, [], 'an announcement that comes late is no failure');
      });

  it('is told to nobody if its channel was archived and its owner has left, and the demo is gone all the same', async () => {
    await expired('orphan', true);
    workspace.refuseChannel(workspace.channel, 'is_archived');
    workspace.failCalls('conversations.open', 'user_disabled');
    assert.equal(await sweep('orphan'), undefined);
    workspace.refuseChannel(workspace.channel, undefined);
    workspace.failCalls('conversations.open', undefined);
    assert.equal(await hasRecord(host, 'orphan'), false);
  });
});
