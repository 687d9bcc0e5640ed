import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startProduct, type Product } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';

/* Outages of Redis, including long ones: all in parallel, each with its own Redis, bot and worker. */

let slack: SlackWorkspace;
let host: SimulatedHost;
before(async () => {
  [slack, host] = await Promise.all([startSlack(), simulatedHost(undefined)]);
});
after(() => Promise.all([slack.close(), host.close()]));

/** Resolves once a Redis works again, the same one or another on the same port. */
type Outage = (redis: LocalRedis) => Promise<LocalRedis>;

const admin = async (redis: LocalRedis, ...command: [string, ...string[]]) => {
  const connection = new Redis(redis.url);
  await connection.call(...command);
  connection.disconnect();
};

const pause =
  (seconds: number): Outage =>
  async (redis) => {
    await admin(redis, 'CLIENT', 'PAUSE', String(seconds * 1000), 'ALL');
    await sleep(seconds * 1000);
    return redis;
  };
const freeze =
  (seconds: number): Outage =>
  async (redis) => {
    redis.freeze();
    await sleep(seconds * 1000);
    redis.thaw();
    return redis;
  };
const killConnections: Outage = async (redis) => {
  await admin(redis, 'CLIENT', 'KILL', 'TYPE', 'normal');
  return redis;
};
const restart: Outage = async (redis) => {
  await redis.stop();
  await sleep(1_000);
  return await startRedis({ port: redis.port });
};

/** Redis answers LOADING meanwhile, between one key and the next. */
const slowLoad: Outage = async (redis) => {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-load-'));
  const writer = await startRedis({ options: ['--dir', directory] });
  const connection = new Redis(writer.url);
  await connection.mset(Object.fromEntries(Array.from({ length: 100 }, (_, key) => [`key-${key}`, 'x'.repeat(4_000)])));
  await connection.save();
  connection.disconnect();
  await Promise.all([writer.stop(), redis.stop()]);
  const loading = ['--key-load-delay', '60000', '--loading-process-events-interval-bytes', '1024'];
  const compressed = ['--rdbcompression', 'no', '--dir', directory];
  return await startRedis({ port: redis.port, options: [...loading, ...compressed] }).finally(() =>
    rm(directory, { recursive: true }),
  );
};

const cases: Record<string, Outage[]> = {
  'a pause of 3 s': [pause(3)],
  'a pause of 8 s': [pause(8)],
  'a pause of 30 s': [pause(30)],
  'being stopped for 40 s': [freeze(40)],
  'the end of all connections': [killConnections],
  'a restart': [restart],
  'a restart that loads data for seconds': [slowLoad],
  'a pause, a restart and the end of all connections': [pause(8), restart, killConnections],
  'the end of all connections, being stopped and a pause': [killConnections, freeze(5), pause(3)],
  'a restart, a pause and being stopped': [restart, pause(3), freeze(8)],
};

describe('after', { concurrency: true }, () => {
  for (const [name, outages] of Object.entries(cases))
    it(`${name} of Redis, commands are accepted and run`, async () => {
      let redis = await startRedis();
      let product: Product | undefined;
      try {
        product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
        await product.done(await product.ask());
        for (const outage of outages) {
          const passing = outage(redis);
          const meanwhile = Array.from({ length: 3 }, () => product!.say('list'));
          redis = await passing;
          const started = performance.now();
          const job = await product.ask();
          if (process.env.VCDEMO_TEST_TIMES) console.log(name, Math.round(performance.now() - started), 'ms');
          await product.done(job);
          for (const { status, body } of await Promise.all(meanwhile)) {
            assert.equal(status, 200);
            assert.match(JSON.stringify(body), /^\{\}$|job queue \(Redis\)/);
          }
        }
        assert.deepEqual(await product.readiness(), { bot: 'ready', worker: 'ready' });
      } finally {
        await product?.close();
        await redis.stop();
      }
    });
});
