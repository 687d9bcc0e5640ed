import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { X509Certificate } from 'node:crypto';
import type { V1Pod, V1PersistentVolumeClaim, V1Secret } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { type Cluster } from '../../src/k8s/client/cluster.js';
import { findDemo } from '../../src/k8s/demo/demo-record.js';
import { list } from '../../src/k8s/client/lists.js';
import { merge, read } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { makeAuthority, makeCertificate } from '../support/certificates.js';
import { runningDemo } from '../support/running-demo.js';
import { type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* `pause` and `resume`, with the processes of dist/ on a simulated cluster. */

interface Kubeconfig {
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** The same with certificates that have run out. */
async function expiredKubeconfig(text: string): Promise<string> {
  const kubeconfig = parse(text) as Kubeconfig;
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const day = 86_400_000;
  const authority = await makeAuthority('test');
  const dates = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) };
  for (const { user } of kubeconfig.users) {
    const { certificate, key } = await makeCertificate(authority, 'vcdemo', dates);
    Object.assign(user, { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) });
  }
  return stringify(kubeconfig);
}

describe('a demo', () => {
  let stack: Stack;
  let cluster: Cluster;

  const demo = runningDemo('nap');
  before(() => {
    ({ stack, hostCluster: cluster } = demo);
  });

  const inBoth = async (kind: string) =>
    (
      await Promise.all(
        ['nap-vc1', 'nap-vc2'].map((namespace) =>
          list<V1Pod | V1PersistentVolumeClaim>(cluster, 'v1', kind, { namespace }),
        ),
      )
    ).flat();
  const files = async () =>
    (await stack.slack.files(stack.slack.channel)).flatMap(({ name, id }) =>
      name === 'nap.kubeconfig.yaml' ? [id] : [],
    );

  it('has no pods while it is paused, and keeps its volumes and its record', async () => {
    const { alice } = stack.slack;
    const volumes = (await inBoth('PersistentVolumeClaim')).map(({ metadata }) => metadata.uid);
    const before = (await findDemo(cluster, 'nap'))!;
    await stack.type(alice, 'pause nap');
    await stack.message(/Demo \*nap\* of .* is paused/, 60_000);
    assert.deepEqual(await inBoth('Pod'), []);
    assert.deepEqual(
      (await inBoth('PersistentVolumeClaim')).map(({ metadata }) => metadata.uid),
      volumes,
    );
    const paused = (await findDemo(cluster, 'nap'))!;
    assert.deepEqual([paused.state, paused.expires], ['paused', before.expires], 'its lifetime goes on');
  });

  it('tells everybody who wants to use it that it is paused, and how to resume it', async () => {
    const { alice } = stack.slack;
    for (const command of ['verify nap', 'kubeconfig nap', 'dashboard nap', 'diagnose nap']) {
      await stack.type(alice, command);
      await stack.whisper(
        alice,
        new RegExp(`${command.split(' ')[0]} nap[\\s\\S]*is paused[\\s\\S]*/vcdemo resume nap`),
        60_000,
      );
    }
    await stack.type(alice, 'list');
    await stack.whisper(alice, /nap\*: it is paused/, 60_000);
  });

  it('is resumed with new certificates if they ran out meanwhile, and proven like a create', async () => {
    const { alice } = stack.slack;
    const sent = await files();
    const secret = ref('v1', 'Secret', 'vcdemo-kubeconfig', 'nap-vc1');
    const stored = Buffer.from((await read<V1Secret>(cluster, secret))!.data!.kubeconfig!, 'base64').toString();
    const expired = await expiredKubeconfig(stored);
    await merge(cluster, secret, { data: { kubeconfig: Buffer.from(expired).toString('base64') } });
    await stack.type(alice, 'resume nap');
    await stack.message(/Demo \*nap\* of .* is ready/, 90_000);
    const { state, credentialsEnd } = (await findDemo(cluster, 'nap'))!;
    assert.equal(state, 'ready');
    assert.ok(credentialsEnd!.getTime() > Date.now() + 3_600_000, 'its record knows until when they are valid');
    const now = Buffer.from((await read<V1Secret>(cluster, secret))!.data!.kubeconfig!, 'base64').toString();
    for (const { user } of (parse(now) as Kubeconfig).users) {
      const { validTo } = new X509Certificate(Buffer.from(user['client-certificate-data'], 'base64'));
      assert.ok(Date.parse(validTo) > Date.now() + 3_600_000, validTo);
    }
    // In place of the earlier one.
    const [renewed, ...others] = await files();
    assert.deepEqual([others.length, sent.includes(renewed!)], [0, false]);
    const { bob } = stack.slack; // the same command of the same person within seconds counts as one
    await stack.type(alice, `share nap <@${bob.userId}>`);
    await stack.whisper(alice, /is shared with/);
    await stack.type(bob, 'resume nap');
    await stack.whisper(bob, /Demo nap is not paused: it is ready/, 60_000);
  });

  it('is paused and resumed although the worker is killed in between', async () => {
    const { alice } = stack.slack;
    const untilState = (state: string) =>
      waitFor(`the state ${state}`, async () => (await findDemo(cluster, 'nap'))?.state === state, {
        withinMs: 30_000,
        everyMs: 5,
      });
    await stack.mention(alice, 'pause nap'); // typed again within seconds it would count as the first one
    await untilState('paused');
    await demo.worker.kill('SIGKILL');
    const second = await stack.startWorker();
    await stack.message(/Demo \*nap\* of .* is paused/, 90_000);
    assert.deepEqual(await inBoth('Pod'), []);
    await stack.mention(alice, 'resume nap');
    await untilState('creating');
    await second.kill('SIGKILL');
    await stack.startWorker();
    await stack.message(/Demo \*nap\* of .* is ready/, 120_000);
    assert.equal((await findDemo(cluster, 'nap'))?.paused, undefined);
  });

  it('that is paused can also be resumed by `create`, and deleted', async () => {
    const { alice, bob } = stack.slack;
    await stack.type(bob, 'pause nap');
    await stack.message(/Demo \*nap\* of .* is paused/, 60_000);
    await stack.type(alice, 'create nap');
    await stack.message(/Demo \*nap\* of .* is ready/, 90_000);
    await stack.mention(alice, 'pause nap'); // typed again within seconds it would count as the first one
    await stack.message(/Demo \*nap\* of .* is paused/, 60_000);
    await stack.confirm(alice, 'delete nap');
    await stack.message(/Demo \*nap\* has been deleted; nothing is left/, 60_000);
  });
});
