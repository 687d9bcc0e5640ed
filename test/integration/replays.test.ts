import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { isJobCommand, jobs } from '../../src/commands/job-payloads.js';
import { commandNames, commands } from '../../src/commands/table.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { beginWork, changeRecord, findDemo, forgetDemo, hasRecord } from '../../src/k8s/demo/demo-record.js';
import type { Demo } from '../../src/k8s/demo/demo.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { remove } from '../../src/k8s/client/objects.js';
import { plannedDemo } from '../support/planned-demo.js';
import { runHandler, type HandlerRun } from '../support/run-handler.js';

/*
 * Somebody who can write to Redis puts a job with a valid signature back on its queue, and sets what is not signed, such as
 * how often the job was started.
 */

const owner = { id: 'U0ALICE', name: 'alice' };
const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
const onDemos = commandNames.filter(isJobCommand).filter((name) => commands[name].demo !== 'none');

describe('a job that is repeated by somebody else', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;

  before(async () => {
    simulated = await startSimulatedCluster();
    host = connectCluster('host', hostAccess({ KUBECONFIG: simulated.kubeconfigFile }), {});
  });
  afterEach(async () => {
    for (const name of ['vcdemo-demo', 'vcdemo-demo.ended'])
      await remove(host, ref('v1', 'ConfigMap', name, 'default'));
  });
  after(async () => {
    host.close();
    await simulated.close();
  });

  const endOf = (run: Omit<HandlerRun, 'userId' | 'kubeconfigFile'>) =>
    runHandler({ ...run, userId: owner.id, kubeconfigFile: simulated.kubeconfigFile });
  /** A demo created at 10 o'clock. */
  const existing = (change: (demo: Demo) => Demo = (demo) => demo) =>
    changeRecord(host, plannedDemo({ owner, now: at(10), claimNamespace: 'default' }), change);
  /** One that was also deleted, at 12 o'clock. */
  async function deleted(): Promise<void> {
    await forgetDemo(host, await beginWork(host, await existing(), 'deleting', { id: 'delete-1', askedAt: at(12) }));
  }

  for (const resumed of [false, true]) {
    const which = resumed ? ' and that claims to be resumed' : '';

    it(`does not create a deleted demo again if it is a create from before its deletion${which}`, async () => {
      await deleted();
      for (const askedAt of [at(10), at(11), at(12)])
        assert.equal(await endOf({ name: 'create', askedAt, resumed }), 'command-over');
      assert.equal(await hasRecord(host, 'demo'), false);
      assert.notEqual(await endOf({ name: 'create', askedAt: at(13), resumed }), 'command-over');
      assert.equal((await findDemo(host, 'demo'))?.created.getTime(), at(13).getTime());
    });

    for (const name of onDemos)
      it(`is refused if it was sent before the demo of this name was created${which}: ${name}`, async () => {
        await existing((demo) => ({ ...demo, state: 'ready' }));
        assert.equal(await endOf({ name, askedAt: at(9), resumed }), 'command-over');
      });

    for (const name of onDemos.filter((each) => jobs[each].queue !== 'verification'))
      it(`is refused if it was carried out, and others have followed${which}: ${name}`, async () => {
        const begun = { jobId: 'create-2', askedAt: at(11) };
        await existing((demo) => ({ ...demo, state: 'ready', begun, done: [`${name}-1`, 'create-2'] }));
        assert.equal(await endOf({ name, askedAt: at(10), resumed }), 'command-over');
      });

    it(`ends without a word of success if it is a delete of a demo that another one has deleted${which}`, async () => {
      await deleted();
      assert.equal(await endOf({ name: 'delete', id: 'delete-0', askedAt: at(11), resumed }), 'unknown-demo');
    });
  }

  it('is told the result if it is the delete that has just ended the demo, as after an interruption', async () => {
    await deleted();
    assert.equal(await endOf({ name: 'delete', id: 'delete-1', askedAt: at(12) }), undefined);
  });

  it('continues if the record says that it has begun, as after an interruption', async () => {
    const begun = { jobId: 'create-1', askedAt: at(10) };
    await existing((demo) => ({ ...demo, begun, done: ['create-1'] }));
    assert.notEqual(await endOf({ name: 'create', askedAt: at(10) }), 'command-over');
  });
});
