import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueKind } from '../../src/commands/payload.js';
import { readWorkerSettings } from '../../src/config.js';
import { keepUp } from '../../src/jobs/worker/keep-up.js';
import { createCausedUpkeep, takeUpkeepTurn, upkeepTurnMs } from '../../src/jobs/worker/upkeep-turn.js';
import type { Log } from '../../src/log.js';
import { createWorkerMetrics } from '../../src/metrics.js';
import { jobKeys } from '../support/job-keys.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

describe('the upkeep of demos by several workers', () => {
  let server: LocalRedis;
  let redis: Redis;
  before(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('is done by one of twenty workers in a turn, and by one of another host cluster', async () => {
    const takenOf = async (cluster: string) =>
      (await Promise.all(Array.from({ length: 20 }, () => takeUpkeepTurn(redis, cluster, false)))).filter(Boolean);
    assert.equal((await takenOf('eu')).length, 1);
    assert.equal((await takenOf('us')).length, 1);
    assert.equal((await takenOf('eu')).length, 0);
  });

  it('has a new turn before a minute has passed, also if the last worker died', async () => {
    await takeUpkeepTurn(redis, 'asia', false);
    const [key] = await redis.keys('*asia');
    const lastsMs = await redis.pttl(key!);
    assert.ok(lastsMs > 0 && lastsMs <= upkeepTurnMs, `lasts ${lastsMs} ms`);
    assert.ok(upkeepTurnMs < 60_000);
  });

  it('is not ended by somebody else who takes the turn for good', async () => {
    for (const taken of ['forever', 'for a year']) {
      await redis.set('bull:upkeep-turn-mars', 'x');
      if (taken === 'for a year') await redis.pexpire('bull:upkeep-turn-mars', 31_536_000_000);
      assert.ok(await takeUpkeepTurn(redis, 'mars', false), taken);
      assert.ok(!(await takeUpkeepTurn(redis, 'mars', false)), `one worker after a turn taken ${taken}`);
    }
  });

  it('is done once for all jobs that end within seconds on twenty workers, and once more for those that end meanwhile', async () => {
    let rounds = 0;
    const workers = Array.from({ length: 20 }, () =>
      createCausedUpkeep({ redis, hostCluster: 'venus', work: () => Promise.resolve(void rounds++) }),
    );
    const cause = () => Promise.all(workers.map((worker) => worker.cause()));
    await cause();
    assert.equal(rounds, 1, 'the first job causes it at once');
    workers.forEach((worker) => worker.close());
    const late = Array.from({ length: 20 }, () =>
      createCausedUpkeep({ redis, hostCluster: 'venus', work: () => Promise.resolve(void rounds++) }),
    );
    const [key] = await redis.keys('*venus:caused');
    await redis.pexpire(key!, 200);
    await Promise.all(late.map((worker) => worker.cause()));
    assert.equal(rounds, 1, 'the others wait');
    await waitFor('the next round', async () => rounds === 2 && (await redis.pttl(key!)) > 0, { withinMs: 10_000 });
    late.forEach((worker) => worker.close());
  });

  it('is left to another worker by one that cannot look', async () => {
    const said: string[] = [];
    const upkeep = keepUp({
      settings: readWorkerSettings({
        ...jobKeys,
        SLACK_BOT_TOKEN: 'xoxb-1',
        REDIS_URL: server.url,
        KUBECONFIG: '/does/not/exist',
      }),
      metrics: createWorkerMetrics(),
      redis,
      queueOf: {} as Record<QueueKind, Queue>,
      log: { warn: (_facts: object, text: string) => said.push(text) } as unknown as Log,
    });
    upkeep.start();
    await waitFor('a failed look', async () => said.includes('upkeep of the demos failed'));
    upkeep.close();
    assert.ok(await takeUpkeepTurn(redis, undefined, false));
  });

  it('is done by each worker that starts, which then has the turn', async () => {
    assert.ok(await takeUpkeepTurn(redis, 'africa', true));
    assert.ok(await takeUpkeepTurn(redis, 'africa', true));
    assert.ok(!(await takeUpkeepTurn(redis, 'africa', false)));
  });
});
