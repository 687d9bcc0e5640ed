import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { createAuthority } from '../../simulator/certificates.js';
import { startBot } from '../../src/bot/app.js';
import { readBotSettings } from '../../src/config.js';
import type { UserError } from '../../src/errors.js';
import { createLog } from '../../src/log.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { jobKeys } from '../support/job-keys.js';
import { startProduct } from '../support/product.js';
import { startProxy } from '../support/proxy.js';
import { startRedis } from '../support/redis.js';
import { startSentinelGroup } from '../support/sentinels.js';
import { startSlack, type SlackWorkspace } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';

/* Redis with a replica: what bot and worker do when the replica takes over. */

let slack: SlackWorkspace;
let host: SimulatedHost;
before(async () => {
  [slack, host] = await Promise.all([startSlack(), simulatedHost(undefined)]);
});
after(() => Promise.all([slack.close(), host.close()]));

const bothReady = { bot: 'ready', worker: 'ready' };

it('a primary that becomes a replica is left for the new primary at the same address', async () => {
  const [old, next] = await Promise.all([startRedis(), startRedis()]);
  const [oldAdmin, nextAdmin] = [new Redis(old.url), new Redis(next.url)];
  const proxy = await startProxy(old.port);
  const product = await startProduct({
    slack,
    host,
    redis: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    adminUrl: next.url,
  });
  try {
    assert.deepEqual(await product.readiness(), bothReady);
    // The address still leads to the old primary, which accepts no writes.
    await oldAdmin.call('REPLICAOF', '127.0.0.1', String(next.port));
    const { bot, worker } = await product.readiness();
    assert.match(`${bot} ${worker}`, /READONLY.*READONLY/s);
    let answered = '';
    await waitFor(
      'an answer with the reason',
      async () => /READONLY/.test((answered = JSON.stringify((await product.say('list')).body))),
      { seen: () => answered },
    );
    proxy.leadTo(next.port);
    await product.done(await product.ask());
    assert.deepEqual(await product.readiness(), bothReady);
  } finally {
    await product.close();
    proxy.close();
    oldAdmin.disconnect();
    nextAdmin.disconnect();
    await Promise.all([old.stop(), next.stop()]);
  }
});

describe('behind sentinels', async () => {
  const { failed } = await execa('redis-server', ['--version'], { reject: false });
  const skip = failed && 'there is no redis-server on the PATH';

  it('commands are accepted and run after a failover, and after the primary was killed', { skip }, async () => {
    const group = await startSentinelGroup();
    const product = await startProduct({ slack, host, redis: group.environment });
    try {
      await product.done(await product.ask(), await group.primaryUrl());
      await group.switchOver();
      await product.done(await product.ask(), await group.primaryUrl());
      assert.deepEqual(await product.readiness(), bothReady);
      await group.killPrimary();
      await product.done(await product.ask(), await group.primaryUrl());
      assert.deepEqual(await product.readiness(), bothReady);
    } finally {
      await product.close();
      await group.stop();
    }
  });

  it(
    'a bot says at startup that the sentinels’ password is wrong, or that they do not know the name',
    { skip },
    async () => {
      const group = await startSentinelGroup();
      const { REDIS_URL } = group.environment as { REDIS_URL: string };
      const start = (environment: Record<string, string>) =>
        startBot(
          readBotSettings({
            SLACK_BOT_TOKEN: slack.botToken,
            SLACK_API_URL: slack.apiUrl,
            SLACK_SIGNING_SECRET: slack.signingSecret,
            PORT: '0',
            ...jobKeys,
            ...environment,
          }),
          createLog('test', 'silent'),
        );
      try {
        await assert.rejects(start({ REDIS_URL }), ({ message, hint }: UserError) => {
          assert.match(message, /NOAUTH/);
          assert.match(hint ?? '', /REDIS_SENTINEL_PASSWORD/);
          return true;
        });
        const misnamed = REDIS_URL.replace(/demos$/, 'others');
        await assert.rejects(start({ ...group.environment, REDIS_URL: misnamed }), ({ message, hint }: UserError) => {
          assert.match(message, /No such master/);
          assert.match(hint ?? '', /correct the name/);
          return true;
        });
      } finally {
        await group.stop();
      }
    },
  );

  it('commands are accepted and run over TLS', { skip }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-sentinel-tls-'));
    const authority = createAuthority('redis');
    const issued = authority.issueWithKey({ subject: { commonName: 'redis' }, subjectAltNames: ['127.0.0.1'] });
    const file = async (name: string, text: string) => {
      await writeFile(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    };
    const group = await startSentinelGroup({
      ca: await file('ca.crt', authority.certificate),
      certificate: await file('server.crt', issued.certificate),
      key: await file('server.key', issued.privateKey),
    });
    const product = await startProduct({ slack, host, redis: group.environment });
    try {
      assert.deepEqual(await product.readiness(), bothReady);
      assert.deepEqual((await product.say('list')).body, {});
    } finally {
      await product.close();
      await group.stop();
      await rm(directory, { recursive: true });
    }
  });
});
