import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimulatedCluster } from '../../simulator/index.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { beginDueVerify } from '../../src/k8s/demo/demo-verdict.js';
import { hours, minutes } from '../../src/duration.js';
import { commandRunner } from '../support/command-run.js';
import { plannedDemo } from '../support/planned-demo.js';
import { owner } from '../support/recorded-demos.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* The API carries out a write to a record, and the connection breaks before its answer arrives. */

describe('a command whose write to the record is carried out, but not answered', () => {
  let cluster: SimulatedCluster;
  let host: Cluster;
  withSimulatedCluster((connected, simulated) => ([host, cluster] = [connected, simulated]));

  const record = (name: string, fields: object = {}) => {
    const now = new Date();
    const demo = plannedDemo({ name, owner, now, claimNamespace: 'default' });
    const expires = new Date(now.getTime() + hours(2));
    return changeRecord(host, { ...demo, state: 'ready', ready: now, expires, ...fields }, (current) => current);
  };
  const loseAnswerFor = (demo: string) => cluster.loseAnswerTo(new RegExp(`^PUT .*/configmaps/vcdemo-${demo}(\\?|$)`));

  for (const [name, words, what] of [
    ['extend', { byMs: hours(1) }, 'extended it by 1h'],
    ['share', { audience: 'U0BOB' }, 'shared it with U0BOB'],
    ['transfer', { person: 'U0BOB' }, 'transferred it from U0ALICE to U0BOB'],
  ] as const)
    it(`succeeds, and happens once: ${name}`, async () => {
      await record(name);
      loseAnswerFor(name);
      const { code, error } = await commandRunner(cluster)(name, owner.id, { demo: name, ...words });
      assert.equal(code, undefined, error?.message);
      assert.deepEqual(
        (await findDemo(host, name))!.audit.map((entry) => entry.what),
        [what],
      );
    });

  it('begins the verify that is due', async () => {
    const schedule = { everyMs: minutes(15), last: new Date(Date.now() - minutes(20)) };
    const demo = await record('scheduled', { schedule });
    loseAnswerFor('scheduled');
    assert.equal((await beginDueVerify(host, demo))?.name, 'scheduled');
  });
});
