import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SimulatedCluster } from '../../simulator/index.js';
import type { QueueKind } from '../../src/commands/payload.js';
import { readWorkerSettings } from '../../src/config.js';
import { hours, minutes } from '../../src/duration.js';
import { currentConfig } from '../../src/jobs/job-run.js';
import { ready } from '../../src/jobs/commands/create/steps.js';
import type { DemoContext } from '../../src/jobs/context.js';
import { keepUp } from '../../src/jobs/worker/keep-up.js';
import { ownDemos } from '../../src/jobs/worker/own-demos.js';
import { poolUpkeep, upkeepFor } from '../../src/jobs/worker/upkeep.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { changeRecord, findDemo } from '../../src/k8s/demo/demo-record.js';
import type { Log } from '../../src/log.js';
import { createWorkerMetrics } from '../../src/metrics.js';
import { commandRunner } from '../support/command-run.js';
import { jobKeys } from '../support/job-keys.js';
import { plannedDemo } from '../support/planned-demo.js';
import { makeReadyPair } from '../support/ready-pair.js';
import { owner } from '../support/recorded-demos.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';
import { waitFor } from '../support/wait-for.js';

/* A worker whose clock is not that of the host cluster; other workers may have the right one. */

for (const { what, hostAheadMs } of [
  { what: 'three hours ahead of', hostAheadMs: -hours(3) },
  { what: 'three hours behind', hostAheadMs: hours(3) },
])
  describe(`a worker whose clock is ${what} the host cluster's`, () => {
    let cluster: SimulatedCluster;
    let host: Cluster;
    let hostNow: Date;
    withSimulatedCluster((connected, simulated) => {
      [host, cluster] = [connected, simulated];
      cluster.setClock(hostAheadMs);
      hostNow = new Date(Date.now() + hostAheadMs);
    });
    /** By the bot's clock, which is another one. */
    const asked = new Date(Date.now() - minutes(1));
    const fromNow = (ms: number) => new Date(hostNow.getTime() + ms);
    const record = async (name: string, leftMs: number) => {
      const demo = plannedDemo({ name, owner, asked, now: hostNow, claimNamespace: 'default' });
      const [used, traces] = [hostNow, { seen: 'x', at: hostNow }];
      return await changeRecord(
        host,
        {
          ...demo,
          state: 'ready',
          ready: fromNow(-hours(1)),
          used,
          traces,
          expires: fromNow(leftMs),
          credentialsEnd: fromNow(leftMs),
        },
        (current) => current,
      );
    };
    const settings = () =>
      readWorkerSettings({
        ...jobKeys,
        SLACK_BOT_TOKEN: 'xoxb-1',
        REDIS_URL: 'redis://localhost:6379',
        KUBECONFIG: cluster.kubeconfigFile,
      });
    const upkeep = async () => {
      const stock = await ownDemos(settings());
      const config = { ...currentConfig(settings()), autoPause: { idle: hours(1) } };
      const requests = [...upkeepFor(stock.demos, config, stock.now), ...poolUpkeep(stock, config)];
      return requests.map(({ name, payload }) => `${name} ${payload.demo}`).sort();
    };

    it('finds due what is due by the clock of the host cluster, and nothing else', async () => {
      await record('living', hours(2));
      await record('ending', minutes(5));
      await record('over', -minutes(1));
      assert.deepEqual(await upkeep(), ['expire over', 'remind ending']);
    });

    it('says so to operators, in its log and in a metric', async () => {
      const said: string[] = [];
      const metrics = createWorkerMetrics();
      const queue = {
        add: (_name: string, _data: object, { jobId }: { jobId: string }) => Promise.resolve({ id: jobId }),
      };
      const upkeep = keepUp({
        settings: settings(),
        metrics,
        redis: { set: () => Promise.resolve('OK') } as unknown as Redis,
        queueOf: { provisioning: queue, removal: queue, verification: queue } as unknown as Record<QueueKind, Queue>,
        log: { warn: (text: unknown) => said.push(String(text)) } as unknown as Log,
      });
      upkeep.start();
      await waitFor('the look', async () => said.length > 0);
      upkeep.close();
      assert.match(
        said.join(),
        new RegExp(`^The worker's clock is [23]h\\S* ${what.replace('three hours ', '')} the host`),
      );
      const aheadHours = (await metrics.clockAhead.get()).values[0]!.value / 3600;
      assert.equal(Math.round(aheadHours), -hostAheadMs / hours(1));
    });

    it('deletes no demo that lives', async () => {
      await record('kept', hours(1));
      await commandRunner(cluster)('expire', owner.id, { demo: 'kept' });
      assert.equal((await findDemo(host, 'kept'))?.state, 'ready');
    });

    it('gives demos the lifetime that was asked for', async () => {
      const demo = await changeRecord(
        host,
        plannedDemo({ name: 'new', owner, asked, now: hostNow, ttlMs: hours(1), claimNamespace: 'default' }),
        (current) => current,
      );
      const fresh = connectCluster('host', hostAccess({ KUBECONFIG: cluster.kubeconfigFile }));
      await ready.apply!({ host: fresh, demo } as DemoContext);
      fresh.close();
      const made = await findDemo(host, 'new');
      assert.ok(
        Math.abs(made!.expires.getTime() - fromNow(hours(1)).getTime()) < minutes(1),
        made!.expires.toISOString(),
      );
    });

    it('extends a demo from its end, as far as is allowed by the clock of the host cluster', async () => {
      const { expires } = await record('longer', hours(1));
      const { code } = await commandRunner(cluster)('extend', owner.id, { demo: 'longer', byMs: hours(2) });
      assert.equal(code, undefined);
      assert.deepEqual((await findDemo(host, 'longer'))!.expires, new Date(expires.getTime() + hours(2)));
    });

    it('leaves a claimed warm pair to its create', async () => {
      const config = currentConfig(settings());
      const pair = await makeReadyPair(host, 'pool-1', config);
      const by = { demo: 'team-a', jobId: 'create-1' };
      await changeRecord(host, pair, (current) => ({
        ...current,
        warm: { ...current.warm!, state: 'claimed', since: hostNow, by },
      }));
      assert.deepEqual(
        (await upkeep()).filter((request) => request.startsWith('drain')),
        [],
      );
    });
  });
