import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startProduct } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A running job whose lock belongs to another worker, as after a failover to a replica from which that worker took it. */

let redis: LocalRedis;
let admin: Redis;
let slack: SlackWorkspace;
let host: SimulatedHost;
const ownPath = process.env.PATH;
before(async () => {
  [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost('pods-pending', 1)]);
  admin = new Redis(redis.url);
  process.env.PATH = host.environment.PATH;
});
after(async () => {
  process.env.PATH = ownPath;
  admin.disconnect();
  await Promise.all([redis.stop(), slack.close(), host.close()]);
});

it('a create that another worker has taken over is stopped, and its end is told once', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url }, log });
  const said = (pattern: RegExp) => slack.timeline.entries.map(textOf).filter((text) => pattern.test(text));
  const told = (pattern: RegExp) =>
    waitFor(`a message like ${pattern}`, async () => said(pattern).length > 0, { withinMs: 90_000 });
  const logged = (text: string) =>
    waitFor(`a line with ${text}`, async () => lines.some((line) => line.includes(text)), {
      withinMs: 40_000,
      seen: () => lines.slice(-3),
    });
  try {
    await product.say('create taken');
    await told(/Starting the virtual cluster/);
    const [lock] = await admin.keys('bull:provisioning:create-taken-*:lock');
    // Until that worker dies, too.
    await admin.set(lock!, 'another-worker', 'PX', 10_000);
    await logged('another worker has taken over the job');
    await logged('job was interrupted; starting it again');
    await host.cluster.inject(undefined);
    await told(/is ready after/);
    await product.done(await product.ask());
    assert.equal(said(/is ready after/).length, 1);
    assert.deepEqual(said(/failed/), []);
  } finally {
    await product.close();
  }
});
