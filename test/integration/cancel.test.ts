import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { holderNow } from '../../src/k8s/demo/claim-holder.js';
import { claimDemo, isHolder } from '../../src/k8s/demo/claim.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { request } from '../support/answers.js';
import { commandRunner } from '../support/command-run.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { plannedDemo } from '../support/planned-demo.js';
import { startProduct, type Product } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { slackCommand, startSlack, type Person, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Creates that hang, because pods stay Pending, in a worker that runs one at a time. */

describe('a create', () => {
  let simulated: SimulatedHost;
  let slack: SlackWorkspace;
  let redis: LocalRedis;
  let product: Product;
  let host: Cluster;

  before(async () => {
    [simulated, slack, redis] = await Promise.all([simulatedHost('pods-pending', 1), startSlack(), startRedis()]);
    process.env.PATH = simulated.environment.PATH!;
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.cluster.kubeconfigFile }), {});
    product = await startProduct({
      ...{ slack, host: simulated, redis: { REDIS_URL: redis.url } },
      workerRedis: { REDIS_URL: redis.url, WORKER_CONCURRENCY: '1' },
    });
  });
  after(async () => {
    await product?.close();
    host?.close();
    await Promise.all([slack?.close(), redis?.stop(), simulated?.close()]);
  });

  const say = (person: Person, text: string, channelId = slack.channel) =>
    slackCommand(product.url, slack.signingSecret, { ...person, channelId, text });
  const whisperTo = ({ userId }: Person, pattern: RegExp) =>
    waitFor(
      `a whisper like ${pattern}`,
      async () =>
        slack
          .ephemeral(userId)
          .map(textOf)
          .findLast((text) => pattern.test(text)),
      {
        seen: () => slack.ephemeral(userId).map(textOf).slice(-2),
      },
    );
  const holder = (name: string) => holderNow(host, 'default', name);

  it('is stopped for its owner alone, keeps what was made, and offers to resume or delete it', async () => {
    await say(slack.alice, 'create slow');
    await waitFor('a namespace', async () => ((await findDemo(host, 'slow'))?.places.length ?? 0) > 0);
    await say(slack.bob, 'cancel slow');
    await whisperTo(slack.bob, /belongs to alice; only its owner or an administrator can run `\/vcdemo cancel`/);
    assert.equal((await holder('slow'))?.purpose, 'create');
    await say(slack.alice, 'cancel slow');
    await whisperTo(slack.alice, /Cancelled the creation of demo \*slow\*/);
    assert.equal(await holder('slow'), undefined);
    const demo = (await findDemo(host, 'slow'))!;
    assert.deepEqual([demo.state, demo.problem], ['failed', 'it was cancelled']);
    assert.deepEqual(demo.audit.at(-1)?.what, 'cancelled its creation');
    assert.ok(demo.places.length > 0, 'what was made is kept');
    const said = await waitFor('the end', async () =>
      (await slack.messages(slack.channel)).find((each) =>
        /cancelled the creation of demo \*slow\*/.test(textOf(each)),
      ),
    );
    const actions = said.blocks!.flatMap((block) => (block.type === 'actions' ? block.elements : []));
    assert.deepEqual(
      actions.map((each) => (each.type === 'button' ? each.value : '')),
      ['create slow', 'delete slow'],
    );
    const events = await request<{ items: { reason: string }[] }>(host, {
      method: 'GET',
      path: `/api/v1/namespaces/${demo.places[0]!.namespace}/events`,
    });
    assert.ok(events.items.some(({ reason }) => reason === 'VcdemoCancelled'));
  });

  it('that waits behind another is removed from the queue, by the person who asked for it', async () => {
    await say(slack.alice, 'create first');
    await waitFor('the first create', () => holder('first'));
    await say(slack.bob, 'create second');
    await say(slack.alice, 'cancel second');
    await whisperTo(slack.alice, /Demo second was requested by somebody else/);
    await say(slack.bob, 'cancel second');
    await whisperTo(slack.bob, /`create second` was still waiting.* removed from the queue/);
    await say(slack.alice, 'cancel first');
    await whisperTo(slack.alice, /Cancelled the creation of demo \*first\*/);
    assert.equal(await findDemo(host, 'second'), undefined);
  });

  it("of one's own that is removed from the queue leaves somebody else's demo of that name alone", async () => {
    await say(slack.alice, 'create third');
    await waitFor('the record', async () => (await findDemo(host, 'third'))?.state === 'creating');
    await say(slack.bob, 'create third --ttl 3h');
    await say(slack.bob, 'cancel third');
    await whisperTo(slack.bob, /`create third` was still waiting.* removed from the queue/);
    const demo = await findDemo(host, 'third');
    assert.deepEqual([demo?.state, demo?.problem], ['creating', undefined]);
    await say(slack.alice, 'cancel third');
    await whisperTo(slack.alice, /Cancelled the creation of demo \*third\*/);
    assert.equal((await findDemo(host, 'third'))?.state, 'failed');
  });

  it('without a name that still waits is cancelled without a name, by whoever asked for it last', async () => {
    await say(slack.alice, 'create fourth');
    await waitFor('the fourth create', () => holder('fourth'));
    await say(slack.bob, 'create');
    await say(slack.alice, 'cancel demo');
    await whisperTo(slack.alice, /There is no demo demo/);
    await say(slack.bob, 'cancel');
    await whisperTo(slack.bob, /`create` was still waiting.* removed from the queue/);
    // In the same channel it would count as the command that he has just given.
    await say(slack.bob, 'cancel', await slack.directMessages(slack.bob.userId));
    await whisperTo(slack.bob, /None of your commands that are waiting or running can be cancelled/);
    assert.equal((await holder('fourth'))?.purpose, 'create', 'nobody cancels what others asked for');
    await say(slack.alice, 'cancel');
    await whisperTo(slack.alice, /Cancelled the creation of demo \*fourth\*/);
  });

  it('that is over cannot be cancelled, and neither can a demo that does not exist', async () => {
    const run = commandRunner(simulated.cluster);
    const demo = plannedDemo({ name: 'idle', owner: { id: 'U0ADA', name: 'ada' }, claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'ready' }, (current) => current);
    assert.match(
      (await run('cancel', 'U0ADA', { demo: 'idle' })).said.join(),
      /nothing to cancel.* State: it is ready/,
    );
    assert.equal((await run('cancel', 'U0ADA', { demo: 'nowhere' })).code, 'unknown-demo');
  });

  it('that is done before it notices is not said to be cancelled', async () => {
    const run = commandRunner(simulated.cluster);
    const demo = plannedDemo({ name: 'quick', owner: { id: 'U0ADA', name: 'ada' }, claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'creating' }, (current) => current);
    const job = { purpose: 'create', jobId: 'c1', signal: new AbortController().signal };
    const claim = await claimDemo({ host, namespace: 'default', demo: 'quick', ...job });
    assert.ok(!isHolder(claim));
    const cancelling = run('cancel', 'U0ADA', { demo: 'quick' });
    await waitFor('the cancel', () => Promise.resolve(claim.cancelled.aborted || undefined));
    await changeRecord(host, (await findDemo(host, 'quick'))!, (current) => ({ ...current, state: 'ready' }));
    await claim.release();
    assert.match(
      (await cancelling).said.join(),
      /too late to cancel the creation of demo \*quick\*: the demo is ready/,
    );
  });

  it('can be cancelled, but a deletion cannot: that is refused with what is being done', async () => {
    const demo = plannedDemo({ name: 'going', owner: { id: 'U0ADA', name: 'ada' }, claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'deleting' }, (current) => current);
    const { signal } = new AbortController();
    const claim = await claimDemo({
      host,
      namespace: 'default',
      demo: 'going',
      purpose: 'delete',
      jobId: 'd1',
      signal,
    });
    assert.ok(!isHolder(claim));
    const { code, error } = await commandRunner(simulated.cluster)('cancel', 'U0ADA', { demo: 'going' });
    await claim.release();
    assert.equal(code, 'not-cancellable');
    assert.match(error!.message, /The current work on demo going cannot be cancelled: it is being deleted\./);
  });
});
