import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { takeUpkeepTurn, upkeepTurnMs } from '../../src/jobs/worker/upkeep-turn.js';
import { startRedis, type LocalRedis } from '../support/redis.js';

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

  it('is done by each worker that starts, which then has the turn', async () => {
    assert.ok(await takeUpkeepTurn(redis, 'africa', true));
    assert.ok(await takeUpkeepTurn(redis, 'africa', true));
    assert.ok(!(await takeUpkeepTurn(redis, 'africa', false)));
  });
});
