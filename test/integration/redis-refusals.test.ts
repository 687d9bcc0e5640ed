import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { startBot } from '../../src/bot/app.js';
import { readBotSettings, readWorkerSettings } from '../../src/config.js';
import { UserError } from '../../src/errors.js';
import { startWorker } from '../../src/jobs/worker/worker.js';
import { createLog } from '../../src/log.js';
import { aclRules } from '../../src/redis/permissions.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { jobKeys } from '../support/job-keys.js';
import { startProduct, type Product } from '../support/product.js';
import { startProxy } from '../support/proxy.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* Errors that Redis returns: a starting process ends with them, a running one reports them. */

const log = createLog('test', 'silent');
let slack: SlackWorkspace;
let host: SimulatedHost;
before(async () => {
  [slack, host] = await Promise.all([startSlack(), simulatedHost(undefined)]);
});
after(() => Promise.all([slack.close(), host.close()]));

const common = () => ({ SLACK_BOT_TOKEN: slack.botToken, SLACK_API_URL: slack.apiUrl, ...jobKeys });
const starts = {
  bot: (REDIS_URL: string) =>
    startBot(
      readBotSettings({ ...common(), SLACK_SIGNING_SECRET: slack.signingSecret, PORT: '0', REDIS_URL }),
      log,
    ).then((bot) => bot.close()),
  worker: (REDIS_URL: string) =>
    startWorker(readWorkerSettings({ ...common(), ...host.environment, REDIS_URL }), log).then((worker) =>
      worker.close(1_000),
    ),
};

interface Refusal {
  options?: string[];
  prepare?: (admin: Redis) => Promise<unknown>;
  url?: (redis: LocalRedis) => string;
  reason: RegExp;
  remedy: RegExp;
}

/** An address of this machine that Redis does not take for its own; undefined without a network. */
const foreignAddress = Object.values(networkInterfaces())
  .flat()
  .find((found) => found?.family === 'IPv4' && !found.internal)?.address;

const asUser = (name: string, password: string) => (redis: LocalRedis) =>
  `redis://${name}:${password}@127.0.0.1:${redis.port}`;
const user =
  (...rules: string[]) =>
  (admin: Redis) =>
    admin.call('ACL', 'SETUSER', 'u', 'on', '>p', ...rules);

const refusals: Record<string, Refusal> = {
  'a wrong password': { prepare: user('+@all', '~*'), url: asUser('u', 'x'), reason: /WRONGPASS/, remedy: /REDIS_URL/ },
  'no password': { options: ['--requirepass', 'p'], reason: /NOAUTH/, remedy: /REDIS_URL/ },
  'a user without INFO': {
    prepare: user('+@all', '-@dangerous', '~*'),
    url: asUser('u', 'p'),
    reason: /no permissions.* 'info'/,
    remedy: /Permissions in Redis/,
  },
  'a user without a command that scripts need': {
    prepare: user(...aclRules('worker'), '-hset', '-xadd'),
    url: asUser('u', 'p'),
    reason: /may not run HSET, XADD/,
    remedy: /Permissions in Redis/,
  },
  'a user without scripts': {
    prepare: user(...aclRules('worker'), '-evalsha'),
    url: asUser('u', 'p'),
    reason: /no permissions.* 'evalsha'/,
    remedy: /Permissions in Redis/,
  },
  "a user without BullMQ's keys": {
    prepare: user(...aclRules('worker'), 'resetkeys', '~other:*'),
    url: asUser('u', 'p'),
    reason: /no permissions.* keys/,
    remedy: /Permissions in Redis/,
  },
  'a database that it does not have': {
    url: ({ url }) => `${url}/99`,
    reason: /DB index is out of range/,
    remedy: /database at the end of REDIS_URL/,
  },
  'a server in place of a sentinel': {
    url: ({ port }) => `redis+sentinel://127.0.0.1:${port}/demos`,
    reason: /unknown command '?sentinel/i,
    remedy: /names a server as a sentinel/,
  },
  'cluster mode': { options: ['--cluster-enabled', 'yes'], reason: /cluster mode/, remedy: /not in cluster mode/ },
  'an eviction policy': { options: ['--maxmemory-policy', 'allkeys-lru'], reason: /allkeys-lru/, remedy: /noeviction/ },
  'a full memory': { options: ['--maxmemory', '1'], reason: /OOM/, remedy: /maxmemory/ },
  'renamed commands': {
    options: ['--rename-command', 'HSET', 'renamed'],
    reason: /unknown redis command/i,
    remedy: /without renamed commands/,
  },
  'too many clients': {
    prepare: (admin) => admin.config('SET', 'maxclients', '1'),
    reason: /max number of clients/,
    remedy: /maxclients/,
  },
};

if (foreignAddress !== undefined)
  for (const password of ['', ':p@'])
    refusals[`protected mode${password && ' and a password that it does not have'}`] = {
      options: ['--bind', '0.0.0.0'],
      url: ({ port }) => `redis://${password}${foreignAddress}:${port}`,
      reason: /protected mode/,
      remedy: /Set a password in Redis and in REDIS_URL/,
    };

for (const [role, start] of Object.entries(starts))
  describe(`a ${role} does not start with`, { concurrency: 4 }, () => {
    for (const [name, { options = [], prepare, url, reason, remedy }] of Object.entries(refusals))
      it(`${name}, and says why and what to do`, async () => {
        const redis = await startRedis({ options });
        const admin = new Redis(redis.url);
        admin.on('error', () => undefined);
        try {
          await prepare?.(admin);
          const error = await start((url ?? (({ url }) => url))(redis)).then(
            () => assert.fail('it started'),
            (thrown: unknown) => thrown,
          );
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, reason);
          assert.match(error.hint ?? '', remedy);
        } finally {
          admin.disconnect();
          await redis.stop();
        }
      });

    it('a Redis that is too old, and says why and what to do', async () => {
      const redis = await startRedis();
      const proxy = await startProxy(redis.port);
      proxy.rewrite(/redis_version:\d/, 'redis_version:4');
      await assert.rejects(start(`redis://127.0.0.1:${proxy.port}`), /Redis 4\S* is too old/).finally(proxy.close);
      await redis.stop();
    });
  });

/** Resolves with what the bot says once both processes give this reason. */
const bothNotReady = (product: Product, reason: RegExp): Promise<string> =>
  waitFor('both to be not ready', async () => {
    const { bot, worker } = await product.readiness();
    return reason.test(bot) && reason.test(worker) && bot;
  });

describe('a product whose Redis rejects commands later', () => {
  const cases: Record<
    string,
    { refuse: (admin: Redis) => Promise<unknown>; allow: (admin: Redis) => Promise<unknown>; reason: RegExp }
  > = {
    'what is put there, as its memory is full': {
      refuse: (admin) => admin.config('SET', 'maxmemory', '1'),
      allow: (admin) => admin.config('SET', 'maxmemory', '0'),
      reason: /OOM/,
    },
    'the password, as it was changed': {
      refuse: async (admin) => {
        await admin.call('ACL', 'SETUSER', 'u', 'resetpass', '>other');
        await admin.call('CLIENT', 'KILL', 'USER', 'u');
      },
      allow: (admin) => admin.call('ACL', 'SETUSER', 'u', '>p'),
      reason: /WRONGPASS/,
    },
    'more connections, as it has too many': {
      refuse: async (admin) => {
        await admin.config('SET', 'maxclients', '1');
        await admin.call('CLIENT', 'KILL', 'USER', 'u');
      },
      allow: (admin) => admin.config('SET', 'maxclients', '1000'),
      reason: /max number of clients/,
    },
    'jobs, as something else has written to a key of its queues': {
      refuse: (admin) => admin.multi().del('bull:verification:wait').set('bull:verification:wait', 'x').exec(),
      allow: (admin) => admin.del('bull:verification:wait'),
      reason: /WRONGTYPE/,
    },
    'what its user did before': {
      refuse: (admin) => admin.call('ACL', 'SETUSER', 'u', '-eval', '-evalsha'),
      allow: (admin) => admin.call('ACL', 'SETUSER', 'u', '+eval', '+evalsha'),
      reason: /no permissions.* 'eval/,
    },
  };
  for (const [name, { refuse, allow, reason }] of Object.entries(cases))
    it(`${name}, reports it in its readiness and to people, and works again when Redis permits it`, async () => {
      const redis = await startRedis();
      const admin = new Redis(redis.url);
      await admin.call('ACL', 'SETUSER', 'u', 'on', '>p', ...aclRules('worker'));
      const product = await startProduct({
        slack,
        host,
        redis: { REDIS_URL: asUser('u', 'p')(redis) },
        adminUrl: redis.url,
      });
      try {
        await product.done(await product.ask());
        await refuse(admin);
        assert.match(JSON.stringify((await product.say('list')).body), reason);
        const told = await bothNotReady(product, reason);
        assert.match(told, /\n.*(maxmemory|Permissions in Redis|REDIS_URL|maxclients|a Redis of its own)/);
        await allow(admin);
        await product.done(await product.ask());
        await product.ready();
      } finally {
        await product.close();
        admin.disconnect();
        await redis.stop();
      }
    });

  it('writes because it has too few replicas, reports it, and works again afterwards', async () => {
    const redis = await startRedis();
    const admin = new Redis(redis.url);
    const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
    try {
      await admin.config('SET', 'min-replicas-to-write', '1');
      const says = /is not accepting jobs at the moment: NOREPLICAS/;
      await waitFor('people to read it', async () => says.test(JSON.stringify((await product.say('list')).body)));
      await bothNotReady(product, says);
      await admin.config('SET', 'min-replicas-to-write', '0');
      await product.done(await product.ask());
      await product.ready();
    } finally {
      await product.close();
      admin.disconnect();
      await redis.stop();
    }
  });

  it('writes because its disk is full, reports it, and works again afterwards', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-disk-'));
    const redis = await startRedis({ options: ['--save', '3600 1', '--dir', directory] });
    const admin = new Redis(redis.url);
    const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
    try {
      await rm(directory, { recursive: true });
      await admin.bgsave();
      await waitFor('the failure of the snapshot', async () =>
        (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'),
      );
      assert.match(JSON.stringify((await product.say('list')).body), /MISCONF/);
      await admin.config('SET', 'stop-writes-on-bgsave-error', 'no');
      await product.done(await product.ask());
    } finally {
      await product.close();
      admin.disconnect();
      await redis.stop();
    }
  });
});
