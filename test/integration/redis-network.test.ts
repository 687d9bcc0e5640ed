import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { createJobQueues, createMomentaryQueues } from '../../src/bot/queue.js';
import { UserError } from '../../src/errors.js';
import { createLog } from '../../src/log.js';
import { createAuthority, type Authority } from '../../simulator/certificates.js';
import { freePort } from '../support/free-port.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { jobKeys } from '../support/job-keys.js';
import { startProduct } from '../support/product.js';
import { startProxy } from '../support/proxy.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* What networks, certificates and servers can do to an open connection. */

const log = createLog('test', 'silent');
const bothReady = { bot: 'ready', worker: 'ready' };
let slack: SlackWorkspace;
let host: SimulatedHost;
before(async () => {
  [slack, host] = await Promise.all([startSlack(), simulatedHost(undefined)]);
});
after(() => Promise.all([slack.close(), host.close()]));

describe('commands are accepted and run', { concurrency: 3 }, () => {
  it('after a firewall has dropped the connections', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
    const product = await startProduct({ slack, host, redis: { REDIS_URL }, adminUrl: redis.url });
    try {
      await product.done(await product.ask());
      proxy.forget();
      await product.done(await product.ask());
      await product.ready();
    } finally {
      await product.close();
      proxy.close();
      await redis.stop();
    }
  });

  it('over a network on which an answer takes half a second', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    proxy.delay(250);
    const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
    const product = await startProduct({ slack, host, redis: { REDIS_URL }, adminUrl: redis.url });
    const momentary = createMomentaryQueues({ REDIS_URL, ...jobKeys }, log, { clusters: [] });
    try {
      await product.done(await product.ask());
      const payload = { requester: { userId: 'U1', userName: 'a', channelId: 'C1' } };
      assert.match(await momentary.enqueue({ name: 'list', payload }, { dedupeId: 'slow' }), /^list-/);
    } finally {
      await product.close();
      proxy.close();
      await redis.stop();
    }
  });

  it('when the address of Redis leads to another server', async () => {
    const [first, second] = await Promise.all([startRedis(), startRedis()]);
    const proxy = await startProxy(first.port);
    const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
    const product = await startProduct({ slack, host, redis: { REDIS_URL }, adminUrl: second.url });
    try {
      proxy.leadTo(second.port);
      await first.stop();
      await product.done(await product.ask());
      assert.deepEqual(await product.readiness(), bothReady);
    } finally {
      await product.close();
      proxy.close();
      await second.stop();
    }
  });

  it('after the scripts in Redis were flushed', async () => {
    const redis = await startRedis();
    const admin = new Redis(redis.url);
    const product = await startProduct({ slack, host, redis: { REDIS_URL: redis.url } });
    try {
      await product.done(await product.ask());
      await admin.script('FLUSH');
      await product.done(await product.ask());
    } finally {
      await product.close();
      admin.disconnect();
      await redis.stop();
    }
  });

  it('by a bot and a worker that were started before Redis', async () => {
    const port = await freePort();
    const product = await startProduct({ slack, host, redis: { REDIS_URL: `redis://127.0.0.1:${port}` } });
    const { bot, worker } = await product.readiness();
    assert.match(bot, /cannot be reached.*ECONNREFUSED/);
    assert.match(worker, /cannot be reached.*ECONNREFUSED/);
    const redis = await startRedis({ port });
    try {
      await product.done(await product.ask());
      await product.ready();
    } finally {
      await product.close();
      await redis.stop();
    }
  });

  it('after Redis was restarted with a certificate from another trusted CA', async (test) => {
    if (await isWithoutRedisServer()) return test.skip('there is no redis-server on the PATH');
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-renewed-'));
    const port = await freePort();
    const [old, next] = [createAuthority('old'), createAuthority('next')];
    let redis = await startTlsRedis({ authority: old, port, directory });
    const both = `${old.certificate}\n${next.certificate}`;
    const settings = (REDIS_CA: string) => ({ REDIS_URL: `rediss://127.0.0.1:${port}`, REDIS_CA });
    const product = await startProduct({ slack, host, redis: settings(both) });
    const onlyOld = createJobQueues({ ...settings(old.certificate), ...jobKeys }, log, { clusters: [] });
    try {
      await onlyOld.ping();
      await redis.stop();
      redis = await startTlsRedis({ authority: next, port, directory });
      await product.ask();
      assert.deepEqual(await product.readiness(), bothReady);
      await assert.rejects(
        waitFor('the other one to be refused', () => onlyOld.ping().then(() => false)),
        /certificate .*is not accepted/,
      );
    } finally {
      await onlyOld.close();
      await product.close();
      await redis.stop();
      await rm(directory, { recursive: true });
    }
  });

  it('after something else answers in place of Redis, which is reported', async () => {
    const redis = await startRedis();
    const web = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    const proxy = await startProxy(redis.port);
    const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
    const product = await startProduct({ slack, host, redis: { REDIS_URL }, adminUrl: redis.url });
    const admin = new Redis(redis.url);
    try {
      proxy.leadTo((web.address() as AddressInfo).port);
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const says = /cannot be used: something other than Redis answers/;
      let seen: unknown;
      await waitFor(
        'both to say so',
        async () => {
          const { bot, worker } = (seen = await product.readiness());
          return says.test(bot) && /Correct the host and port/.test(bot) && says.test(worker);
        },
        { withinMs: 20_000, seen: () => seen },
      );
      assert.match(JSON.stringify((await product.say('list')).body), says);
      proxy.leadTo(redis.port);
      await product.done(await product.ask());
      await product.ready();
    } finally {
      await product.close();
      admin.disconnect();
      proxy.close();
      web.close();
      await redis.stop();
    }
  });

  it('after the certificate of Redis has expired, of which people and operators were told, and was renewed', async (test) => {
    if (await isWithoutRedisServer()) return test.skip('there is no redis-server on the PATH');
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-expired-'));
    const port = await freePort();
    const authority = createAuthority('redis');
    const start = (notAfter?: Date) => startTlsRedis({ authority, port, directory, notAfter });
    let redis = await start();
    const REDIS_URL = `rediss://127.0.0.1:${port}`;
    const product = await startProduct({ slack, host, redis: { REDIS_URL, REDIS_CA: authority.certificate } });
    try {
      await redis.stop();
      redis = await start(new Date(Date.now() - 60_000));
      const says = /certificate of the job queue \(Redis\) is not accepted: certificate has expired/;
      let seen: unknown;
      await waitFor(
        'both to say so',
        async () => {
          const { bot, worker } = (seen = await product.readiness());
          return says.test(bot) && /Renew the certificate of Redis/.test(bot) && says.test(worker);
        },
        { withinMs: 20_000, seen: () => seen },
      );
      assert.match(JSON.stringify((await product.say('list')).body), says);
      await redis.stop();
      redis = await start();
      await product.ask();
      await product.ready();
    } finally {
      await product.close();
      await redis.stop();
      await rm(directory, { recursive: true });
    }
  });
});

for (const [what, options, says, remedy] of [
  ['client certificates', ['--tls-auth-clients', 'yes'], /requires a client certificate/, /tls-auth-clients no/],
  [
    'a cipher that nobody uses any more',
    ['--tls-protocols', 'TLSv1.2', '--tls-ciphers', 'ECDHE-RSA-AES256-SHA384'],
    /accepts no TLS version or cipher/,
    /tls-ciphers/,
  ],
] as const)
  it(`a Redis that requires ${what} is refused with the remedy`, async (test) => {
    if (await isWithoutRedisServer()) return test.skip('there is no redis-server on the PATH');
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-tls-'));
    const port = await freePort();
    const authority = createAuthority('redis');
    const redis = await startTlsRedis({ authority, port, directory, options });
    const REDIS_URL = `rediss://127.0.0.1:${port}`;
    const queues = createJobQueues({ REDIS_URL, REDIS_CA: authority.certificate, ...jobKeys }, log, { clusters: [] });
    try {
      const refused = await waitFor('the refusal', () =>
        queues.ping().then(
          () => assert.fail('it was accepted'),
          (error: unknown) => error instanceof UserError && error.code === 'redis-refuses' && error,
        ),
      );
      assert.match(refused.message, says);
      assert.match(refused.hint ?? '', remedy);
      assert.doesNotMatch(refused.message, /SSL routines/);
    } finally {
      await queues.close();
      await redis.stop();
      await rm(directory, { recursive: true });
    }
  });

async function isWithoutRedisServer(): Promise<boolean> {
  return (await execa('redis-server', ['--version'], { reject: false })).failed;
}

interface TlsRedisOptions {
  authority: Authority;
  port: number;
  /** For its certificate and key. */
  directory: string;
  notAfter?: Date | undefined;
  /** Further arguments, which win. */
  options?: readonly string[];
}

async function startTlsRedis({
  authority,
  port,
  directory,
  notAfter,
  options = [],
}: TlsRedisOptions): Promise<LocalRedis> {
  const issued = authority.issueWithKey({
    ...{ subject: { commonName: 'redis' }, subjectAltNames: ['127.0.0.1'] },
    ...(notAfter && { notAfter }),
  });
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const tls = [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', await file('server.crt', issued.certificate)],
    ...['--tls-key-file', await file('server.key', issued.privateKey)],
    ...['--tls-ca-cert-file', await file('ca.crt', authority.certificate)],
  ];
  return await startRedis({ port, options: [...tls, ...options] });
}
