import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { unpackTar } from 'modern-tar';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { apply, merge, remove } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { jobKeys } from '../support/job-keys.js';
import { runningDemo } from '../support/running-demo.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Bot, worker and sweep as processes of dist/: how a verdict is shown, diagnose, and verify on a schedule. */

const sweepScript = fileURLToPath(new URL('../../dist/jobs/worker/sweep.js', import.meta.url));

describe('a demo that is verified', () => {
  const demo = runningDemo('shown');
  const { virtual } = demo;
  const record = async () => (await findDemo(demo.hostCluster, 'shown'))!;
  const change = (fields: (recorded: Demo) => Partial<Demo>) =>
    record().then((recorded) =>
      changeRecord(demo.hostCluster, recorded, (current) => ({ ...current, ...fields(current) })),
    );
  const posts = () => demo.stack.slack.timeline.entries.map(textOf).filter((text) => /^shown: /.test(text));
  const files = () => demo.stack.slack.files(demo.stack.slack.channel);
  const noSecret = 'istio-remote-secret-vc2';
  const breakMesh = async () => remove(await virtual('vc1'), ref('v1', 'Secret', noSecret, 'istio-system'));

  async function verify(words = '') {
    const before = posts().length;
    await demo.stack.type(demo.stack.slack.bob, `verify shown ${words}`);
    return await waitFor('the verdict', () => Promise.resolve(posts()[before]), { withinMs: 60_000 });
  }
  const named = (pattern: RegExp, nth = 0) =>
    waitFor(
      `file ${nth + 1} like ${pattern}`,
      async () => (await files()).filter(({ name }) => pattern.test(name))[nth],
      { withinMs: 30_000 },
    );

  it('is shown with a chart and a plan, and its record has the verdict', async () => {
    await verify();
    const { blocks = [] } = (await demo.stack.slack.messages(demo.stack.slack.channel)).findLast(({ text }) =>
      /^shown: /.test(text),
    )!;
    const types = blocks.map(({ type }) => type as string);
    assert.ok(types.includes('data_visualization') && types.includes('plan'), types.join());
    const plan = blocks.find(({ type }) => (type as string) === 'plan') as unknown as { title: string };
    const [, passed, checked] = /^(\d+) of (\d+) checks passed$/.exec(plan.title) ?? [];
    assert.equal(passed, checked, plan.title);
    await named(/^verify-shown-.*\.json$/);
    assert.equal((await files()).filter(({ name }) => name.endsWith('.png')).length, 0);
    const { verdict } = await waitFor('the verdict in the record', async () => {
      const recorded = await record();
      return recorded.verdict && recorded;
    });
    assert.deepEqual([verdict?.outcome, verdict?.reason], ['pass', 'the mesh works: both versions answer']);
  });

  it('gets a PNG and text where Slack has no charts', async () => {
    demo.stack.slack.refuseBlocks(['data_visualization']);
    const text = await verify();
    assert.match(text, /from vc1/);
    const { bytes } = await named(/^verify-shown-.*\.png$/);
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
    demo.stack.slack.refuseBlocks([]);
  });

  it('comes with an archive of evidence where no cause is found', async () => {
    const text = await verify('--expect v1=99,v2=1');
    assert.match(text, /v1 answered \d+ % of the requests, not 99 %/);
    assert.match(text, /No cause was found\..* an archive of evidence for a colleague/);
    await named(/^diagnosis-shown-.*\.tar\.gz$/);
  });

  it('is diagnosed with its cause, and an archive without a secret', async () => {
    const planted = 'c2VjcmV0LXBsYW50ZWQtaGVyZQ';
    const vc1 = await virtual('vc1');
    const annotations = { 'vcluster.loft.sh/token-abc': planted, note: planted };
    const [pod] = await list(demo.hostCluster, 'v1', 'Pod', { namespace: 'shown-vc1' });
    await merge(demo.hostCluster, ref('v1', 'Pod', pod!.metadata.name, 'shown-vc1'), { metadata: { annotations } });
    await merge(vc1, ref('v1', 'Service', 'helloworld', 'sample'), { metadata: { annotations } });
    await apply(vc1, {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'planted', namespace: 'sample', annotations } },
      data: { key: planted },
    });
    await apply(vc1, {
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'planted', namespace: 'sample' } },
      ...{ type: 'Warning', reason: 'Planted', message: `password=${planted} and more` },
      involvedObject: { kind: 'Pod', name: 'sleep', namespace: 'sample' },
    });
    await breakMesh();
    await demo.stack.type(demo.stack.slack.bob, 'diagnose shown');
    const message = await demo.stack.message(/Diagnosis of shown: a remote secret is missing/, 60_000);
    assert.match(textOf(message), /istiod in vc1 has no remote secret for vc2/);
    const { bytes } = await named(/^diagnosis-shown-.*\.tar\.gz$/, 1);
    assert.ok(bytes.length < 1_000_000);
    const entries = await unpackTar(gunzipSync(bytes));
    const texts = new Map(
      entries.map(({ header, data }) => [header.name.replace(/^[^/]*\//, ''), Buffer.from(data!).toString()]),
    );
    for (const [name, text] of texts) {
      assert.doesNotMatch(text, /c2VjcmV0LXBsYW50ZWQ|vcluster\.loft\.sh\/token|PRIVATE KEY-----/, name);
      if (name !== 'README.txt') assert.ok(texts.get('README.txt')!.includes(name), name);
    }
    const expected = [
      ...['found.txt', 'found.json', 'versions.json', 'host-vc1/pods-shown-vc1.yaml', 'host-vc2/events-shown-vc2.txt'],
      ...['vc1/pods-sample.yaml', 'vc1/events-sample.txt', 'vc1/proxy-of-sleep/endpoints.txt', 'vc1/version.json'],
      ...['vc2/proxy-of-sleep/certificates.json', 'vc2/istiod/remote-clusters.json'],
    ];
    for (const name of expected) assert.ok(texts.get(name), name);
    assert.match(texts.get('vc1/events-sample.txt')!, /Warning Planted Pod sleep: password=\[removed\] and more/);
    assert.match(texts.get('vc1/secret-names-sample.txt')!, /^planted created/m);
    assert.match(texts.get('vc1/proxy-of-sleep/endpoints.txt')!, /helloworld\.sample/);
    assert.ok([...texts.keys()].some((name) => /^vc1\/logs\/istiod-.*-discovery\.log$/.test(name)));
  });

  it('is verified on a schedule that is in its record; only a change is posted, once, also by sweeps alone', async () => {
    await verify('--every 15m');
    const { schedule } = await waitFor('the schedule', async () => {
      const recorded = await record();
      return recorded.schedule?.told && recorded;
    });
    assert.deepEqual([schedule?.everyMs, schedule?.told], [900_000, 'fail']);
    await demo.worker.kill('SIGTERM');
    const sweep = () =>
      execa(process.execPath, [sweepScript], {
        env: {
          ...{ ...demo.host.environment, ...jobKeys },
          ...{
            SLACK_BOT_TOKEN: demo.stack.slack.botToken,
            SLACK_API_URL: demo.stack.slack.apiUrl,
            REDIS_URL: demo.stack.redis.url,
          },
        },
      });
    const dueSince = (ms: number) =>
      change(({ schedule: current }) => ({ schedule: { ...current!, last: new Date(Date.now() - ms) } }));
    const ran = async () => (await record()).verdict!.at.getTime();

    const before = posts().length;
    let last = await ran();
    await sweep();
    assert.equal(await ran(), last, 'it is not due');
    await dueSince(901_000);
    await sweep();
    assert.ok((await ran()) > last, 'it ran');
    assert.equal(posts().length, before, 'the verdict is the same');

    // Mended; Slack is away when the change is found, and back at the next turn, when two sweeps find it.
    await change(({ schedule: current }) => ({ schedule: { ...current!, told: 'inconclusive' } }));
    demo.stack.slack.failCalls('chat.postMessage', 'internal_error');
    await dueSince(901_000);
    await sweep().catch(() => undefined);
    demo.stack.slack.failCalls('chat.postMessage', undefined);
    assert.equal(posts().length, before);
    await dueSince(901_000);
    last = await ran();
    const edits = () => demo.stack.slack.calls.filter(({ method }) => method === 'chat.update').length;
    const editsBefore = edits();
    await Promise.all([sweep(), sweep()]);
    assert.equal(edits(), editsBefore + 1, 'the card is drawn once');
    assert.ok((await ran()) > last);
    const told = posts().slice(before);
    assert.equal(told.length, 1);
    assert.match(told[0]!, /Scheduled verify \(every 15m\): the verdict has changed; before, it was inconclusive\./);
    await dueSince(901_000);
    await sweep();
    assert.equal(posts().length, before + 1);
  });

  it('is no longer verified on a schedule after --every off', async () => {
    await demo.stack.startWorker();
    await demo.stack.type(demo.stack.slack.bob, 'verify shown --every off');
    await demo.stack.message(/no longer verified every 15m/);
    assert.equal((await record()).schedule, undefined);
  });
});
