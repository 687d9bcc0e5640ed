import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConfig } from '../../src/config/schema.js';
import { deleteFlow } from '../../src/jobs/commands/delete/flow.js';
import { filesGone } from '../../src/jobs/commands/delete/steps.js';
import type { DemoContext } from '../../src/jobs/context.js';
import { runFlow } from '../../src/jobs/flow.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* Demos without namespaces, so that only Slack and the record are left to clean up. */

describe('the files of a demo in Slack', () => {
  let host: Cluster;
  const config = { ...demoConfig.parse({}), stepDeadlineFactor: 0.05 };
  const { signal } = new AbortController();
  withSimulatedCluster((connected) => (host = connected));

  /** A demo with two files, and the context for a step of its deletion. */
  async function contextFor(name: string, deleteFiles: (ids: readonly string[]) => Promise<string[]>) {
    const demo = { ...plannedDemo({ name, claimNamespace: 'default' }), places: [] };
    const files = ['F1', 'F2'].map((id) => ({ id, to: 'C1' }));
    await changeRecord(host, demo, (current) => ({ ...current, files }));
    const asked: string[][] = [];
    const slack = {
      deleteFiles: (ids: readonly string[]) => {
        asked.push([...ids]);
        return deleteFiles(ids);
      },
    };
    const delivery = { isDone: () => Promise.resolve(true), deliver: () => Promise.resolve() };
    return { context: { host, demo, config, slack, delivery, signal } as unknown as DemoContext, asked };
  }

  const filesOf = async (name: string) => (await findDemo(host, name))?.files.map(({ id }) => id);

  async function runDelete(context: DemoContext) {
    const request = { config, context, clusters: [], signal, onChange: () => undefined };
    const tasks = await runFlow(deleteFlow, { ...request, contextOf: () => assert.fail('there are no clusters') });
    return tasks.find(({ step }) => step === 'files')!;
  }

  it('are deleted before the record that names them', async () => {
    const seen: unknown[] = [];
    const { context, asked } = await contextFor('one', async () => {
      seen.push(await filesOf('one'));
      return [];
    });
    assert.equal((await runDelete(context)).state, 'done');
    assert.deepEqual([asked, seen], [[['F1', 'F2']], [['F1', 'F2']]]);
    assert.equal(await findDemo(host, 'one'), undefined);
  });

  const failures: [what: string, answer: () => Promise<string[]>, says: RegExp][] = [
    ['deletes only some of them', () => Promise.resolve(['F2']), /^Slack did not delete F2$/],
    ['fails', () => Promise.reject(new Error('invalid_auth')), /^invalid_auth$/],
    ['does not answer', () => new Promise(() => undefined), /^Slack took longer than/],
  ];
  for (const [index, [what, answer, says]] of failures.entries())
    it(`do not keep the demo from being deleted if Slack ${what}`, async () => {
      const { context } = await contextFor(`failing-${index}`, answer);
      const task = await runDelete(context);
      assert.equal(task.state, 'failed');
      assert.match((task.error as Error).message, says);
      assert.equal(await findDemo(host, `failing-${index}`), undefined);
    });

  it('are deleted again only if that failed before', async () => {
    let kept = ['F2'];
    const { context, asked } = await contextFor('again', () => Promise.resolve(kept));
    await assert.rejects(filesGone.apply!(context));
    assert.deepEqual(await filesOf('again'), ['F2']);
    kept = [];
    await filesGone.apply!(context);
    assert.deepEqual(asked, [['F1', 'F2'], ['F2']]);
    assert.ok((await filesGone.check(context)).holds);
  });
});
