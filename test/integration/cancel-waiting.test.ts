import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { SimulatedCluster } from '../../simulator/index.js';
import { createJobQueues, type JobQueues } from '../../src/bot/queue.js';
import type { RemovableJob } from '../../src/commands/job-payloads.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { beginWork, changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import { createLog } from '../../src/log.js';
import { commandRunner } from '../support/command-run.js';
import { jobKeys } from '../support/job-keys.js';
import { plannedDemo } from '../support/planned-demo.js';
import { owner } from '../support/recorded-demos.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

/* Jobs that no worker has taken: all are busy, or none is there. */

describe('a pause or a deletion that still waits', () => {
  let cluster: SimulatedCluster;
  let host: Cluster;
  let server: LocalRedis;
  let connection: Redis;
  let queues: JobQueues;
  withSimulatedCluster((connected, simulated) => ([host, cluster] = [connected, simulated]));
  before(async () => {
    server = await startRedis();
    connection = new Redis(server.url, { maxRetriesPerRequest: null });
    queues = createJobQueues({ REDIS_URL: server.url, ...jobKeys }, createLog('test', 'silent'));
  });
  after(async () => {
    await queues.close();
    connection.disconnect();
    await server.stop();
  });

  const run = (userId: string, words: object) =>
    commandRunner(cluster, { openQueue: (name) => new Queue(name, { connection, skipVersionCheck: true }) })(
      'cancel',
      userId,
      words,
    );
  const record = (name: string) => {
    const demo = plannedDemo({ name, owner, now: new Date(Date.now() - 60_000), claimNamespace: 'default' });
    return changeRecord(host, { ...demo, state: 'ready' }, (current) => current);
  };
  const requester = { userId: owner.id, userName: owner.name, channelId: 'C0DEMOS' };
  const ask = (name: RemovableJob, demo: string) =>
    queues.enqueue({ name, payload: { requester, demo } }, { dedupeId: `${name} ${demo}` });
  const waiting = () => queues.waitingOf(owner.id, 0, 'removal');

  for (const [name, what] of [
    ['delete', 'the deletion'],
    ['pause', 'the pause'],
  ] as const)
    it(`is removed from the queue, and is over even if Redis repeats it: ${name}`, async () => {
      const demo = `kept-${name}`;
      await record(demo);
      const id = await ask(name, demo);
      const { said } = await run(owner.id, { demo });
      assert.match(said.join(), new RegExp(`\`${name} ${demo}\` was still waiting.*removed from the queue`));
      assert.equal(await waiting(), 0);
      const found = (await findDemo(host, demo))!;
      assert.deepEqual([found.state, found.audit.at(-1)?.what], ['ready', `removed ${what} from the queue`]);
      assert.ok(found.done.includes(id));
    });

  it('is removed if it is the last command of whoever names none', async () => {
    await record('unnamed');
    await ask('delete', 'unnamed');
    assert.match(
      (await run(owner.id, { demo: 'demo', isUnnamed: true })).said.join(),
      /`delete unnamed` was still waiting/,
    );
  });

  it('is not said to be gone if Redis cannot remove it', async () => {
    await record('full');
    await ask('delete', 'full');
    await connection.config('SET', 'maxmemory', '1mb');
    const { code, error, said } = await run(owner.id, { demo: 'full' });
    await connection.config('SET', 'maxmemory', '0');
    assert.deepEqual([code, said], ['redis-refuses', []]);
    assert.match(error!.hint!, /memory is full/);
    assert.match((await run(owner.id, { demo: 'full' })).said.join(), /`delete full` was still waiting/);
  });

  it('is not removed by somebody else', async () => {
    await record('foreign');
    await ask('delete', 'foreign');
    assert.equal((await run('U0MALLORY', { demo: 'foreign' })).code, 'not-owner');
    assert.equal(await waiting(), 1);
    await run(owner.id, { demo: 'foreign' });
  });

  it('is finished if it had begun, and its worker was stopped', async () => {
    const demo = await record('half');
    const id = await ask('delete', 'half');
    await beginWork(host, demo, 'deleting', { id, askedAt: new Date() });
    assert.match((await run(owner.id, { demo: 'half' })).said.join(), /nothing to cancel.*State: its deletion has not/);
    assert.equal(await waiting(), 1);
  });
});
