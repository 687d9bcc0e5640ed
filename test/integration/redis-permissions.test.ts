import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { listsToScaleBy, queueName } from '../../src/commands/payload.js';
import { aclRules, type RedisRole } from '../../src/redis/permissions.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startProduct } from '../support/product.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* The users from docs/operations.md, on a Redis that logs what it denies them. */

describe('with exactly the permissions of its role', () => {
  let redis: LocalRedis;
  let admin: Redis;
  let slack: SlackWorkspace;
  let host: SimulatedHost;
  const userUrl = async (role: RedisRole) => {
    await admin.call('ACL', 'SETUSER', role, 'on', '>secret', ...aclRules(role));
    return `redis://${role}:secret@127.0.0.1:${redis.port}`;
  };
  const refused = async () => {
    const entries = (await admin.call('ACL', 'LOG')) as string[][];
    return entries.map((entry) => entry.join(' '));
  };

  before(async () => {
    [redis, slack, host] = await Promise.all([startRedis(), startSlack(), simulatedHost(undefined)]);
    admin = new Redis(redis.url);
  });
  after(async () => {
    admin.disconnect();
    await Promise.all([redis.stop(), slack.close(), host.close()]);
  });

  it('a bot accepts commands, workers run them, and Redis rejects nothing', async () => {
    const [bot, worker] = [await userUrl('bot'), await userUrl('worker')];
    const start = () =>
      startProduct({ slack, host, redis: { REDIS_URL: bot }, workerRedis: { REDIS_URL: worker }, adminUrl: redis.url });
    const told = (pattern: RegExp) =>
      waitFor(
        `a message like ${pattern}`,
        async () => slack.timeline.entries.map(textOf).find((text) => pattern.test(text)),
        { withinMs: 60_000, seen: () => slack.timeline.entries.map(textOf).at(-1) },
      );
    const first = await start();
    assert.deepEqual(await first.readiness(), { bot: 'ready', worker: 'ready' });
    // Neither helm nor istioctl is on the PATH of this process; the Redis commands are the same without them.
    await first.say('create acl');
    await told(/Creating demo acl failed/);
    await first.done(await first.ask());
    await first.say('create interrupted');
    await told(/Creating demo interrupted: /);
    await first.close();
    // The job as a killed worker leaves it.
    const [waiting, active] = listsToScaleBy(queueName('provisioning'));
    assert.ok(await admin.rpoplpush(waiting!, active!), 'the job was not put back');
    const second = await start();
    try {
      await told(/Creating demo interrupted failed/);
      assert.match(await (await fetch(`${second.url}/metrics`)).text(), /^vcdemo_queue_jobs\{/m);
    } finally {
      await second.close();
    }
    assert.deepEqual(await refused(), []);
  });

  it('KEDA can count jobs, but not read them', async () => {
    const keda = new Redis(await userUrl('keda'), { disableClientInfo: true, enableReadyCheck: false });
    try {
      const [waiting] = listsToScaleBy(queueName('provisioning'));
      await admin.lpush(waiting!, 'create-a-1', 'create-b-1');
      assert.equal(await keda.ping(), 'PONG');
      assert.equal(await keda.eval(lengthScript, 1, waiting!), 2);
      await assert.rejects(keda.lrange(waiting!, 0, -1), /NOPERM/);
      await assert.rejects(keda.eval(lengthScript, 1, 'bull:provisioning:create-a-1'), /NOPERM/);
      await assert.rejects(keda.call('LPUSH', waiting!, 'x'), /NOPERM/);
    } finally {
      keda.disconnect();
    }
  });
});

/** The script of KEDA's Redis scalers. @see https://github.com/kedacore/keda/blob/main/pkg/scalers/redis_scaler.go */
const lengthScript = `
local listName = KEYS[1]
local listType = redis.call('type', listName).ok
local cmd = { zset = 'zcard', set = 'scard', list = 'llen', hash = 'hlen', none = 'llen' }
return redis.call(cmd[listType], listName)`;
