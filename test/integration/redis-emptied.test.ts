import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { listsToScaleBy, queueName } from '../../src/commands/payload.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startProduct } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A Redis that loses all data during a job, like one without persistence that restarts. */

describe('a create whose Redis is flushed', () => {
  let redis: LocalRedis;
  let admin: Redis;
  let slack: SlackWorkspace;
  let host: SimulatedHost;
  const ownPath = process.env.PATH;
  before(async () => {
    // It waits for pods until the deadline of the step, far longer than the lock of its job lasts.
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost('pods-pending')]);
    admin = new Redis(redis.url);
    process.env.PATH = host.environment.PATH;
  });
  after(async () => {
    process.env.PATH = ownPath;
    admin.disconnect();
    await Promise.all([redis.stop(), slack.close(), host.close()]);
  });

  const told = (pattern: RegExp) =>
    waitFor(
      `a message like ${pattern}`,
      async () => slack.timeline.entries.map(textOf).find((text) => pattern.test(text)),
      { withinMs: 90_000, seen: () => slack.timeline.entries.map(textOf).at(-1) },
    );

  it('is finished, and the result is reported; the log says once that the job is lost', async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url }, log });
    try {
      await product.say('create emptied');
      await told(/Creating demo emptied: /);
      await admin.flushall();
      await told(/Creating demo \*?emptied\*? failed/);
      assert.equal(lines.filter((line) => line.includes('has lost the job')).length, 1, lines.join(''));
      await product.done(await product.ask());
    } finally {
      await product.close();
    }
  });

  it('is put back on its queue when the worker stops', async () => {
    const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
    await product.say('create stopped');
    await told(/Creating demo stopped: /);
    await admin.flushall();
    await product.close();
    const [waiting] = listsToScaleBy(queueName('provisioning'));
    const [id, ...more] = await admin.lrange(waiting!, 0, -1);
    assert.match(String(id), /^create-stopped-/);
    assert.deepEqual(more, []);
    const job = await admin.hgetall(`bull:provisioning:${id}`);
    assert.match(job.data ?? '', /signatures/);
  });
});
