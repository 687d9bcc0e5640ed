import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { simulatedHost } from '../support/host.js';
import { startProduct } from '../support/product.js';
import { startRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { textOf } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* A Redis that answers with errors in the middle of a job, for longer than the job's lock lasts. */

const cases: Record<string, { refuse: (admin: Redis) => Promise<unknown>; allow: (admin: Redis) => Promise<unknown> }> =
  {
    'has no memory left': {
      refuse: (admin) => admin.config('SET', 'maxmemory', '1'),
      allow: (admin) => admin.config('SET', 'maxmemory', '0'),
    },
    'has become a replica': {
      refuse: (admin) => admin.replicaof('127.0.0.1', 1),
      allow: (admin) => admin.replicaof('NO', 'ONE'),
    },
    'has another password': {
      refuse: async (admin) => {
        await admin.config('SET', 'requirepass', 'changed');
        await admin.auth('changed');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      },
      allow: (admin) => admin.config('SET', 'requirepass', ''),
    },
  };

describe('a create whose Redis', { concurrency: true }, () => {
  let slack: SlackWorkspace;
  const ownPath = process.env.PATH;
  before(async () => void (slack = await startSlack()));
  after(async () => {
    process.env.PATH = ownPath;
    await slack.close();
  });

  for (const [index, [what, { refuse, allow }]] of Object.entries(cases).entries())
    it(`${what} meanwhile is finished when that is over, and told once`, async () => {
      const demo = `refused-${index}`;
      const [redis, host] = await Promise.all([startRedis(), simulatedHost('pods-pending', 1)]);
      process.env.PATH = host.environment.PATH;
      const admin = new Redis(redis.url, { maxRetriesPerRequest: null });
      const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
      const said = () => slack.timeline.entries.map(textOf).filter((text) => text.includes(demo));
      const told = (pattern: RegExp) =>
        waitFor(`a message like ${pattern}`, async () => said().find((text) => pattern.test(text)), {
          withinMs: 120_000,
          seen: said,
        });
      try {
        await product.say(`create ${demo}`);
        await told(/Starting the virtual cluster/);
        await refuse(admin);
        await waitFor(
          'its lock to expire',
          async () => (await admin.keys('bull:provisioning:create-*:lock')).length === 0,
          {
            withinMs: 40_000,
          },
        );
        await allow(admin);
        await host.cluster.inject(undefined);
        await told(/is ready after/);
        await product.done(await product.ask());
        assert.equal(said().filter((text) => /is ready after/.test(text)).length, 1);
        assert.deepEqual(
          said().filter((text) => /failed/.test(text)),
          [],
        );
      } finally {
        await product.close();
        admin.disconnect();
        await Promise.all([redis.stop(), host.close()]);
      }
    });
});
