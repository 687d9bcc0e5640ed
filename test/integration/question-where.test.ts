import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { parseCommand } from '../../src/commands/parse.js';
import { hours } from '../../src/duration.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord } from '../../src/k8s/demo/demo-record.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

describe('the question where a demo is', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  withSimulatedCluster((cluster, started) => {
    [host, simulated] = [cluster, started];
  });

  it('is answered by a button that says the whole command, and names the host cluster', async () => {
    const owner = { id: 'U0ADA', name: 'ada' };
    const demo = plannedDemo({ name: 'far', owner, now: new Date(), claimNamespace: 'default' });
    await changeRecord(host, { ...demo, state: 'ready' }, (current) => current);
    const run = commandRunner(simulated, { config: { clusters: ['eu', 'us'], hostCluster: 'us' } });
    const words = {
      extend: { byMs: hours(1.5) },
      share: { audience: 'S0OPS', stop: true },
      transfer: { person: 'U0BOB' },
      pause: {},
    };
    for (const [command, typed] of Object.entries(words)) {
      const { code, messages } = await run('question', owner.id, { command, demo: 'far', ...typed });
      assert.equal(code, undefined, command);
      const pressed = /"confirmed:0","text":{[^}]*},"value":"([^"]+)"/.exec(JSON.stringify(messages));
      const commandLine = pressed?.[1] ?? '';
      const parsed = parseCommand(commandLine, { maxTtlMs: hours(72), clusters: ['eu', 'us'] });
      const { name, demo: named, on, flags, person, audience } = parsed;
      const { byMs, stop } = flags;
      const given = Object.entries({ byMs, stop, person, audience }).filter(([, value]) => value !== undefined);
      assert.deepEqual([name, named, on, Object.fromEntries(given)], [command, 'far', 'us', typed]);
    }
  });
});
