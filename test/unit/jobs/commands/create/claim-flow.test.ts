import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runClaimFlow } from '../../../../../src/jobs/commands/create/create.js';
import { claimFlow, createFlow } from '../../../../../src/jobs/commands/create/flow.js';
import { FlowError, type Task } from '../../../../../src/jobs/flow.js';

const failed = (step: string): Task => ({ step, says: step, state: 'failed', error: new Error('it is broken') });

/** Which tables are run if these steps of the first one fail, and how that ends. */
async function runsAfter(...steps: string[]) {
  const ran: string[] = [];
  const ended = await runClaimFlow(
    (flow) => {
      ran.push(flow === claimFlow ? 'claim' : flow === createFlow ? 'create' : 'another');
      return ran.length === 1 && steps.length > 0
        ? Promise.reject(new FlowError(steps.map(failed)))
        : Promise.resolve([]);
    },
    { warn: () => undefined },
  ).then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? 'failed' : String(error)),
  );
  return { ran, ended };
}

describe('a create with a running warm pair', () => {
  it('runs the short table, and all steps only if a part of the pair is broken', async () => {
    assert.deepEqual(await runsAfter(), { ran: ['claim'], ended: 'done' });
    assert.deepEqual(await runsAfter('meshTraffic'), { ran: ['claim', 'create'], ended: 'done' });
    assert.deepEqual(await runsAfter('meshTraffic', 'delivery'), { ran: ['claim', 'create'], ended: 'done' });
  });

  it('does not look for what is broken if only the kubeconfig could not be sent: others may have the demo by then', async () => {
    assert.deepEqual(await runsAfter('delivery'), { ran: ['claim'], ended: 'failed' });
  });
});
