import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { hours, minutes } from '../../src/duration.js';
import type { Slack } from '../../src/jobs/slack/slack.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { startSlack, type Person, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { workerSlack } from '../support/worker-slack.js';

/* Where reminders appear, and that nobody is reminded twice. */

describe('a reminder', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let workspace: SlackWorkspace;
  let slack: Slack;
  withSimulatedCluster((connected, cluster) => ([host, simulated] = [connected, cluster]));
  before(async () => {
    workspace = await startSlack();
    slack = workerSlack(workspace);
  });
  after(() => workspace.close());

  /** A demo that expires in twenty minutes. */
  async function ending(name: string, { owner = workspace.alice, channel = workspace.channel } = {}): Promise<Demo> {
    const card = await slack.post(
      { channelId: channel, userId: owner.userId },
      messageOfParagraphs([mrkdwn`card of ${name}`]),
    );
    const now = new Date(Date.now() - hours(2));
    const demo = plannedDemo({
      ...{ name, channel, now, claimNamespace: 'default' },
      owner: { id: owner.userId, name: owner.userName },
    });
    const expires = new Date(Date.now() + minutes(20));
    const fields = { card, ready: now, expires, state: 'ready' } as const;
    return await changeRecord(host, { ...demo, ...fields, places: [] }, (current) => current);
  }
  /** What a reminder job adds: where, and whether in a thread. */
  async function remind(name: string): Promise<string[]> {
    const { length } = workspace.timeline.entries;
    const { error } = await commandRunner(simulated)('remind' as 'extend', '', { demo: name, byMs: 1 }, { slack });
    assert.equal(error, undefined);
    const placeOf = ({ channel, isDirect, onlyFor }: (typeof workspace.timeline.entries)[number]) =>
      isDirect ? `to ${workspace.names.get(onlyFor ?? '')}` : `in #${workspace.names.get(channel)}`;
    return workspace.timeline.entries
      .slice(length)
      .filter((entry) => /expires in/.test(textOf(entry)))
      .map((entry) => `${placeOf(entry)}${entry.thread === undefined ? '' : ', thread'}`);
  }
  const direct = (person: Person) => workspace.directMessages(person.userId);

  it('appears in the thread of the card and as a direct message, once for each expiry', async () => {
    const demo = await ending('plain');
    assert.deepEqual(await remind('plain'), ['in #demos, thread', 'to alice']);
    assert.deepEqual(await remind('plain'), []);
    const later = new Date(demo.expires.getTime() + minutes(1));
    await changeRecord(host, (await findDemo(host, 'plain'))!, (current) => ({ ...current, expires: later }));
    assert.deepEqual(await remind('plain'), ['in #demos, thread', 'to alice']);
  });

  it('comes once if it cannot appear in the channel', async () => {
    await ending('archived');
    workspace.refuseChannel(workspace.channel, 'is_archived');
    assert.deepEqual(await remind('archived'), ['to alice']);
    workspace.refuseChannel(workspace.channel, undefined);
  });

  it('comes once, in the thread of the card, if the card is in the direct messages of the owner', async () => {
    await ending('direct', { channel: await direct(workspace.alice) });
    assert.deepEqual(await remind('direct'), ['to alice, thread']);
  });

  it('comes to an owner to whom the demo was transferred, whoever has its card', async () => {
    const demo = await ending('given', { channel: await direct(workspace.alice) });
    const owner = { id: workspace.bob.userId, name: workspace.bob.userName };
    await direct(workspace.bob);
    await changeRecord(host, demo, (current) => ({ ...current, owner }));
    assert.deepEqual(await remind('given'), ['to alice, thread', 'to bob']);
  });

  it('is over if nobody is left to be reminded', async () => {
    await ending('orphan');
    workspace.refuseChannel(workspace.channel, 'is_archived');
    workspace.failCalls('conversations.open', 'user_disabled');
    assert.deepEqual(await remind('orphan'), []);
    const { reminded, expires } = (await findDemo(host, 'orphan'))!;
    assert.deepEqual(reminded, expires);
    workspace.refuseChannel(workspace.channel, undefined);
    workspace.failCalls('conversations.open', undefined);
  });
});
