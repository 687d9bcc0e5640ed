import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig, readWorkerSettings } from '../../src/config.js';
import { hours, minutes } from '../../src/duration.js';
import { createSlack, type Slack } from '../../src/jobs/slack/slack.js';
import { closeWork } from '../../src/jobs/worker/close-work.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { createLog } from '../../src/log.js';
import { mrkdwn } from '../../src/mrkdwn.js';
import { messageOfParagraphs } from '../../src/slack-message.js';
import { createSlackClient } from '../../src/slack/client.js';
import { createNewBlocks } from '../../src/slack/new-blocks.js';
import { peopleAround } from '../../src/slack/people.js';
import { commandRunner } from '../support/command-run.js';
import { jobKeys } from '../support/job-keys.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';

/* Demos without namespaces, whose cards somebody deletes in Slack. */

describe('a card that somebody deleted', () => {
  let host: Cluster;
  let simulated: SimulatedCluster;
  let workspace: SlackWorkspace;
  let slack: Slack;
  const log = createLog('test', 'silent');
  withSimulatedCluster((connected, cluster) => ([host, simulated] = [connected, cluster]));
  before(async () => {
    workspace = await startSlack();
    const { botToken: token, apiUrl } = workspace;
    const client = createSlackClient({ token, apiUrl, observe: () => undefined });
    slack = createSlack({ client, people: peopleAround(client), newBlocks: createNewBlocks({ log }), log });
  });
  after(() => workspace.close());

  /** A demo with a card in the channel. */
  async function demoNamed(name: string, fields: Partial<Demo>): Promise<Demo> {
    const { channel, alice } = workspace;
    const card = await slack.post({ channelId: channel, userId: alice.userId }, messageOfParagraphs([mrkdwn`${name}`]));
    const now = new Date(Date.now() - hours(1));
    const owner = { id: alice.userId, name: alice.userName };
    const demo = { ...plannedDemo({ name, owner, channel, now, claimNamespace: 'default' }), card, places: [] };
    const expires = new Date(Date.now() + hours(1));
    return await changeRecord(host, { ...demo, ready: now, expires, ...fields }, (current) => current);
  }
  async function deleteCard(name: string): Promise<void> {
    const { channel, ts } = (await findDemo(host, name))!.card!;
    await workspace.client.chat.delete({ channel, ts });
  }
  const cardsLike = async (pattern: RegExp) =>
    (await workspace.messages(workspace.channel)).filter(({ text }) => pattern.test(text)).length;
  const run = (...[name, words]: [name: 'extend' | 'expire', words: object]) =>
    commandRunner(simulated, { config: { ...readDemoConfig(undefined), stepDeadlineFactor: 0.05 } })(
      name as 'extend',
      workspace.alice.userId,
      words,
      { slack },
    );
  /** The end of a job that failed outside of its steps. */
  async function fail(demo: Demo): Promise<void> {
    const settings = readWorkerSettings({
      ...jobKeys,
      SLACK_BOT_TOKEN: workspace.botToken,
      REDIS_URL: 'redis://localhost:6379',
      KUBECONFIG: simulated.kubeconfigFile,
    });
    const requester = { ...workspace.alice, channelId: workspace.channel };
    const job = { id: demo.begun!.jobId, name: 'create', payload: { requester, demo: demo.name } } as const;
    await closeWork({ settings, slack, log }, job, new Error('it broke'));
  }

  const states: Record<string, [fields: Partial<Demo>, change: (demo: Demo) => Promise<unknown>, shows: RegExp]> = {
    ready: [
      { state: 'ready' },
      ({ name }) => run('extend', { demo: name, byMs: minutes(5) }),
      /of-ready of .* is ready/,
    ],
    paused: [
      { state: 'paused', paused: { since: new Date(), jobId: 'pause-1' } },
      ({ name }) => run('extend', { demo: name, byMs: minutes(5) }),
      /of-paused of .* is paused/,
    ],
    failed: [
      { state: 'creating', begun: { jobId: 'create-1', askedAt: new Date() }, ready: undefined },
      fail,
      /Creating demo of-failed failed/,
    ],
  };
  for (const [state, [fields, change, shows]] of Object.entries(states))
    it(`is posted anew once, and then stays deleted: of a demo that is ${state}`, async () => {
      const demo = await demoNamed(`of-${state}`, fields);
      await deleteCard(demo.name);
      await change(demo);
      assert.equal(await cardsLike(shows), 1);
      assert.equal((await findDemo(host, demo.name))?.card?.replaced, true, 'it is remembered');
      await change(demo);
      assert.equal(await cardsLike(shows), 1, 'it is edited in place');
      await deleteCard(demo.name);
      await change(demo);
      assert.equal(await cardsLike(shows), 0);
    });

  for (const replaced of [undefined, true] as const)
    it(`${replaced ? 'twice stays deleted' : 'is posted anew'} when its demo expires`, async () => {
      const name = replaced ? 'twice' : 'once';
      const demo = await demoNamed(name, { state: 'ready', expires: new Date(Date.now() - 1000) });
      await changeRecord(host, demo, (current) => ({ ...current, card: { ...current.card!, replaced } }));
      await deleteCard(name);
      await run('expire', { demo: name });
      assert.equal(await findDemo(host, name), undefined);
      assert.equal(await cardsLike(new RegExp(`${name} expired and has been deleted`)), replaced ? 0 : 1);
    });
});
