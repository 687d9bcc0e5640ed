import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readDemoConfig } from '../../src/config.js';
import { hours, minutes } from '../../src/duration.js';
import { reminderMessage } from '../../src/jobs/commands/remind.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { changeRecord, findDemo, forgetDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { plannedDemo } from '../support/planned-demo.js';
import { startProduct, type Product } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { converseWith, textOf, type Conversation } from '../support/stack.js';
import { buttonsOf, type Entry } from '../support/timeline.js';
import { waitFor } from '../support/wait-for.js';

/* The button of a reminder in the thread of a card, clicked by different people at different times. */

describe('Extend in a reminder', () => {
  let host: SimulatedHost;
  let redis: LocalRedis;
  let slack: SlackWorkspace;
  let product: Product;
  let people: Conversation;
  let cluster: Cluster;
  before(async () => {
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost(undefined)]);
    const tools = host.environment.PATH!.split(delimiter)[0]!;
    if (!process.env.PATH!.startsWith(tools)) process.env.PATH = host.environment.PATH!;
    product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
    people = converseWith(slack, product.url);
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: host.cluster.kubeconfigFile }));
  });
  after(async () => {
    cluster?.close();
    await product?.close();
    await Promise.all([redis?.stop(), slack?.close(), host?.close()]);
  });

  /** A demo that its owner was reminded of, and the reminder. */
  async function reminded(name: string): Promise<{ demo: Demo; reminder: Entry; before: number }> {
    const { channel, alice } = slack;
    const posted = await slack.client.chat.postMessage({ channel, text: `card of ${name}` });
    const card = { channel, ts: posted.ts! };
    const now = new Date(Date.now() - hours(1));
    const owner = { id: alice.userId, name: alice.userName };
    const expires = new Date(Date.now() + minutes(25));
    const planned = { ...plannedDemo({ name, owner, channel, now, claimNamespace: 'default' }), card, places: [] };
    const fields = { ready: now, expires, reminded: expires, state: 'ready' } as const;
    const demo = await changeRecord(cluster, { ...planned, ...fields }, (current) => current);
    const { text, blocks } = reminderMessage(demo, readDemoConfig(undefined), new Date());
    const said = { text, blocks: blocks as never, channel, thread_ts: card.ts };
    const { ts } = await slack.client.chat.postMessage(said);
    const reminder = slack.timeline.entries.find(({ id }) => id === ts)!;
    return { demo, reminder, before: slack.timeline.entries.length };
  }
  const press = (person: SlackWorkspace['alice'], reminder: Entry) =>
    people.click(person, buttonsOf(reminder)[0]!, reminder);
  /** Only one person reads it, in the thread of the reminder. */
  async function answered(person: SlackWorkspace['alice'], { thread }: Entry, first: number, pattern: RegExp) {
    const own = () => slack.timeline.entries.slice(first).filter(({ onlyFor }) => onlyFor === person.userId);
    await waitFor(
      `an answer like ${pattern} in the thread`,
      () => Promise.resolve(own().some((entry) => entry.thread === thread && pattern.test(textOf(entry)))),
      { withinMs: 30_000, seen: () => own().map((entry) => [entry.thread, textOf(entry)]) },
    );
  }

  it('clicked twice, extends the demo once, and both clicks are answered', async () => {
    const { demo, reminder, before } = await reminded('twice');
    await press(slack.alice, reminder);
    await press(slack.alice, reminder);
    await answered(slack.alice, reminder, before, /Demo \*twice\* now expires/);
    await waitFor('the answer to the second click', () =>
      Promise.resolve(slack.timeline.entries.slice(before).some((entry) => /a moment ago/.test(textOf(entry)))),
    );
    const { expires, audit } = (await findDemo(cluster, 'twice'))!;
    assert.equal(expires.getTime(), demo.expires.getTime() + hours(4));
    assert.equal(audit.length, 1);
  });

  it('clicked by somebody who may not, is refused where they clicked, with whom to ask', async () => {
    const { demo, reminder, before } = await reminded('foreign');
    await press(slack.bob, reminder);
    await answered(slack.bob, reminder, before, /its owner, the people it is shared with/);
    assert.deepEqual((await findDemo(cluster, 'foreign'))!.expires, demo.expires);
  });

  it('clicked after the demo was deleted, says that it is gone', async () => {
    const { demo, reminder, before } = await reminded('gone');
    await forgetDemo(cluster, demo);
    await press(slack.alice, reminder);
    await answered(slack.alice, reminder, before, /There is no demo gone/);
    assert.equal(await findDemo(cluster, 'gone'), undefined);
  });
});
