import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import { isJobCommand } from '../../src/commands/job-payloads.js';
import { commandNames, commands } from '../../src/commands/table.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord } from '../../src/k8s/demo/demo-record.js';
import { plannedDemo } from '../support/planned-demo.js';
import { runHandler } from '../support/run-handler.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* How the handlers of all commands treat a person who does not own the demo: the table of commands says who may. */

const owner = { id: 'U0ALICE', name: 'alice' };
const admin = 'U0ADMIN';
const onDemos = commandNames.filter(isJobCommand).filter((name) => commands[name].demo !== 'none');

describe('a command on a demo', () => {
  let simulated: SimulatedCluster;
  let host: Cluster;
  withSimulatedCluster((cluster, started) => {
    [host, simulated] = [cluster, started];
  });

  /** The error code with which the person's command ends. */
  const endOf = (name: (typeof onDemos)[number], userId: string, resumed: boolean) =>
    runHandler({ name, userId, resumed, kubeconfigFile: simulated.kubeconfigFile, admins: [admin] });

  /** Invalid, so that whatever is allowed fails quickly. */
  const demo = { ...plannedDemo({ owner, now: new Date(), claimNamespace: 'default' }), state: 'deleting' as const };

  /** With its row of the table changed for the duration of the work. */
  async function endWith(who: 'owner' | 'everybody', ...[name, userId, resumed]: Parameters<typeof endOf>) {
    await changeRecord(host, demo, () => demo);
    const row = commands[name];
    const { who: before } = row;
    Object.assign(row, { who });
    return await endOf(name, userId, resumed).finally(() => Object.assign(row, { who: before }));
  }

  for (const name of onDemos)
    for (const resumed of [false, true]) {
      const which = `${name}${resumed ? ', resumed' : ''}`;
      it(`is refused to everybody but its owner and administrators if the table says so: ${which}`, async () => {
        assert.equal(await endWith('owner', name, 'U0MALLORY', resumed), 'not-owner');
        for (const userId of [owner.id, admin])
          assert.notEqual(await endWith('owner', name, userId, resumed), 'not-owner', userId);
      });
      it(`is open to everybody if the table says so: ${which}`, async () =>
        assert.notEqual(await endWith('everybody', name, 'U0MALLORY', resumed), 'not-owner'));
    }

  it('is reserved to owners where it takes something away', () =>
    assert.deepEqual(
      onDemos.filter((name) => commands[name].who === 'owner'),
      ['cancel', 'share', 'transfer', 'revoke', 'delete'],
    ));

  it('is reserved to owners and those they share with where it prolongs something, or stops it for a while', () =>
    assert.deepEqual(
      onDemos.filter((name) => commands[name].who === 'shared'),
      ['extend', 'pause', 'resume'],
    ));
});
