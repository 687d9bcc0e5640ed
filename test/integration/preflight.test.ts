import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { readDemoConfig, type DemoConfig } from '../../src/config.js';
import type { DemoReport } from '../../src/jobs/commands/verify/verify-demo.js';
import { recordVerdict } from '../../src/jobs/commands/verify/publish.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo, listDemos } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { admissionPolicy } from '../../src/k8s/isolation/admission-policy.js';
import { create, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { createLog } from '../../src/log.js';
import type { SlackMessage } from '../../src/slack-message.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { textOf } from '../support/stack.js';

/* What is wrong with a host cluster: before a create, and when it breaks several demos. */

describe('a host cluster', () => {
  const config: DemoConfig = readDemoConfig(undefined);
  const path = process.env.PATH;
  let simulated: SimulatedCluster;
  let host: Cluster;

  before(async () => {
    // helm and istioctl
    process.env.PATH = [fileURLToPath(new URL('../../simulator/bin', import.meta.url)), path].join(delimiter);
    simulated = await startSimulatedCluster({ objects: admissionPolicy(config) });
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.kubeconfigFile }), {});
  });
  after(async () => {
    process.env.PATH = path;
    host.close();
    await simulated.close();
  });

  const check = (run: ReturnType<typeof commandRunner>, demo = 'team-a', userId = 'U0ALICE') =>
    run('preflight', userId, { demo });

  it('is checked for everything that would stop a create at once, and nothing is made', async () => {
    const images = { ...config.images, pullSecrets: ['one', 'registry/two'] };
    const run = commandRunner(simulated, { config: { images }, access: { admins: ['U0ROOT'] } });
    const foreign = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a-vc2' } };
    await create(host, foreign);
    await run('maintenance', 'U0ROOT', { state: 'on', reason: 'upgrading' });
    await simulated.inject('forbidden');
    const { said, code, error } = await check(run);
    assert.equal(code, undefined, error?.message);
    const [text] = said;
    assert.match(text!, /`create team-a` would not succeed: 5 problems\. Nothing was created\./);
    assert.match(text!, /maintenance: upgrading/);
    assert.match(text!, /Missing: .*statefulsets\.apps: create/);
    assert.match(text!, /Secret default\/one, which does not exist[\s\S]*Secret registry\/two, which does not exist/);
    assert.match(text!, /namespace team-a-vc2 that does not belong to demo team-a/);
    assert.equal(text!.match(/\*What to do:\*/g)?.length, 5, 'each has a remedy');
    assert.match(text!, /Not checked: the admission policy/);
    assert.deepEqual((await listDemos(host)).demos, []);
    await simulated.inject(undefined);
    await run('maintenance', 'U0ROOT', { state: 'off' });
    await remove(host, ref('v1', 'Namespace', 'team-a-vc2'));
  });

  it('is checked while the demo exists, and has nothing against another one', async () => {
    const demo = plannedDemo({ name: 'there', owner: { id: 'U0ALICE', name: 'alice' }, claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'ready', places: [] }, (current) => current);
    const run = commandRunner(simulated);
    for (const name of ['there', 'other']) {
      const { said, error } = await check(run, name);
      assert.match(
        said.join(),
        new RegExp(`Nothing would stop \`create ${name}\`\\. Nothing was created\\.`),
        error?.message,
      );
    }
    const limited = commandRunner(simulated, { config: { limits: { ...config.limits, demosPerPerson: 1 } } });
    assert.match((await check(limited, 'other')).said.join(), /You already have 1 demo,/);
    assert.match((await check(limited, 'there')).said.join(), /Nothing would stop/);
  });

  it('is checked by the rules by which the create itself would be refused or would go on', async () => {
    const demoOf = async (name: string, userId: string, fields: Partial<Demo>) => {
      const planned = plannedDemo({ name, owner: { id: userId, name: userId }, claimNamespace: 'default' });
      await changeRecord(host, { ...planned, places: [], ...fields }, (current) => current);
    };
    await demoOf('theirs', 'U0OWNER', { state: 'paused', paused: { since: new Date() } });
    await demoOf('revoked', 'U0OWNER', { state: 'ready', revoked: ['U0ALICE'] });
    await demoOf('going', 'U0ALICE', { state: 'deleting' });
    const limited = commandRunner(simulated, { config: { limits: { ...config.limits, demosPerPerson: 1 } } });
    const refused = [
      ['theirs', 'not-owner', /Demo theirs belongs to U0OWNER/],
      ['revoked', 'access-revoked', /Your access to demo revoked was revoked/],
      ['going', 'demo-being-deleted', /The deletion of demo going has not finished/],
    ] as const;
    for (const [demo, code, reason] of refused) {
      assert.match((await check(limited, demo)).said.join(), reason);
      assert.equal((await limited('create', 'U0ALICE', { demo })).code, code);
    }
    const unnamed = (userId: string) => limited('preflight', userId, { demo: 'demo', isUnnamed: true });
    await demoOf('demo', 'U0ONE', { state: 'failed' });
    assert.match((await unnamed('U0ONE')).said.join(), /Nothing would stop `create`/, 'it continues their own');
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo-2-vc1' } });
    assert.match((await unnamed('U0TWO')).said.join(), /namespace demo-2-vc1 that does not belong to demo demo-2/);
    await remove(host, ref('v1', 'Namespace', 'demo-2-vc1'));
  });

  it('that breaks two demos is told to the administrators once, whichever workers notice', async () => {
    const told = commandRunner(simulated, { config: { slack: { adminChannel: 'C0ADMIN' } } });
    await simulated.inject('forbidden');
    const announced: string[] = [];
    for (const demo of ['one', 'two', 'three']) announced.push(...(await told('create', 'U0BOB', { demo })).announced);
    await simulated.inject(undefined);
    assert.equal(announced.length, 1, announced.join('\n---\n'));
    assert.match(
      announced[0]!,
      /^to C0ADMIN: [\s\S]*2 of them could not be created, for the same reason: \*one\*, \*two\*/,
    );
    assert.match(announced[0]!, /Missing: .*statefulsets\.apps[\s\S]*What to do:\*? Grant them/);
    assert.equal(await findDemo(host, 'one'), undefined);
  });

  it('that breaks meshes is told to the administrators once, as soon as their channel can be reached', async () => {
    const announced: string[] = [];
    let isAway = true;
    const run = {
      config: { ...config, slack: { adminChannel: 'C0ADMIN' } },
      log: createLog('test', 'silent'),
      slack: {
        announce: (_to: string, message: SlackMessage) =>
          isAway ? Promise.reject(new Error('Slack is away')) : Promise.resolve(void announced.push(textOf(message))),
      },
    } as unknown as Parameters<typeof recordVerdict>[0];
    const fail = async (name: string, isTold = true) => {
      const planned = plannedDemo({ name, owner: { id: 'U0ALICE', name: 'alice' }, claimNamespace: 'default' });
      const found = await findDemo(host, name);
      const demo =
        found ?? (await changeRecord(host, { ...planned, state: 'ready', places: [] }, (current) => current));
      const report = { verdict: { kind: 'fail', reason: 'only v1 answers' }, at: new Date() } as DemoReport;
      await recordVerdict(run, { host, demo }, report, { isTold });
    };
    await fail('mesh-1');
    await fail('mesh-1');
    assert.deepEqual(announced, []);
    await fail('mesh-2', false);
    assert.deepEqual(announced, [], 'its people have not heard of it yet');
    await fail('mesh-3');
    isAway = false;
    await fail('mesh-4');
    await fail('mesh-5');
    assert.equal(announced.length, 1);
    assert.match(announced[0]!, /3 of them stopped working: \*mesh-1\*, \*mesh-3\*, \*mesh-4\*[\s\S]*only v1 answers/);
  });
});
