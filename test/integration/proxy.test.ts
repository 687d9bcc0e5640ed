import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { createAuthority } from '../../simulator/certificates.js';
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';
import { triggerId } from '../support/slack.js';

/* A company's network: Slack is reached by a proxy alone, has a name that does not resolve here and a CA of its own. */

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));
const slackHost = 'slack.corp.test';

/** TLS in front of the Slack that listens without; it names itself as the address of its WebSocket. */
async function startTlsFront(slack: SocketModeSlack, certificate: { certificate: string; privateKey: string }) {
  const behind = new URL(slack.apiUrl);
  const server = https.createServer(
    { cert: certificate.certificate, key: certificate.privateKey },
    (request, response) => {
      const options = { port: behind.port, method: request.method, path: request.url, headers: request.headers };
      const forwarded = http.request(options, async (answer) => {
        let body = '';
        for await (const part of answer) body += String(part);
        response.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' });
        response.end(body.replace(`ws://${behind.host}`, `wss://${slackHost}`));
      });
      request.pipe(forwarded);
    },
  );
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const upstream = connect(Number(behind.port), '127.0.0.1', () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      upstream.write(`GET ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on('error', () => undefined);
    socket.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('a bot behind a proxy', () => {
  const authority = createAuthority('corp');
  let directory: string;
  let redis: LocalRedis;
  let slack: SocketModeSlack;
  let front: https.Server;
  let proxy: ConnectProxy;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-proxy-'));
    await writeFile(join(directory, 'ca.crt'), authority.certificate);
    [redis, slack] = await Promise.all([startRedis(), startSocketModeSlack()]);
    const certificate = authority.issueWithKey({ subject: { commonName: slackHost }, subjectAltNames: [slackHost] });
    front = await startTlsFront(slack, certificate);
    proxy = await startConnectProxy((front.address() as AddressInfo).port);
  });
  after(async () => {
    await proxy.close();
    front.closeAllConnections();
    front.close();
    await slack.close();
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  const startBot = (env: Record<string, string>) =>
    execa(process.execPath, ['--import', 'tsx', main], {
      env: {
        PATH: process.env.PATH,
        SLACK_MODE: 'socket',
        SLACK_BOT_TOKEN: 'xoxb-test',
        SLACK_APP_TOKEN: 'xapp-test',
        SLACK_API_URL: `https://${slackHost}/api/`,
        REDIS_URL: redis.url,
        PORT: '0',
        ...env,
      },
      extendEnv: false,
      reject: false,
      killSignal: 'SIGKILL',
      timeout: 60_000,
    });
  const extraCa = () => ({ NODE_EXTRA_CA_CERTS: join(directory, 'ca.crt') });

  it('calls Slack and holds the WebSocket of Socket Mode through it, trusting a CA of its own', async () => {
    const bot = startBot({ https_proxy: proxy.url, ...extraCa() });
    try {
      const payload = { user_id: 'U0ALICE', user_name: 'alice', channel_id: 'C0DEMOS', team_id: 'T0' };
      const asked = slack.send('slash_commands', {
        ...payload,
        command: '/vcdemo',
        text: 'help',
        trigger_id: triggerId(),
      });
      const ended = bot.then(({ stdout, stderr }) => Promise.reject(new Error(`the bot ended: ${stdout} ${stderr}`)));
      const answer = await Promise.race([asked, ended]);
      assert.match(JSON.stringify(answer), /vcdemo create/);
      assert.ok(proxy.targets.length >= 2, 'both the API and the WebSocket');
      assert.deepEqual([...new Set(proxy.targets)], [`${slackHost}:443`]);
    } finally {
      bot.kill();
      await bot.catch(() => undefined);
    }
  });

  it('leaves the proxy alone for what NO_PROXY names', async () => {
    proxy.targets.length = 0;
    const { exitCode, stderr } = await startBot({ HTTPS_PROXY: proxy.url, NO_PROXY: '.corp.test', ...extraCa() });
    assert.equal(exitCode, 1);
    assert.match(stderr, /Slack does not accept this bot: .*slack\.corp\.test/);
    assert.deepEqual(proxy.targets, []);
  });

  it('refuses a certificate of a CA that it was not given', async () => {
    const { exitCode, stderr } = await startBot({ HTTPS_PROXY: proxy.url });
    assert.equal(exitCode, 1);
    assert.match(stderr, /certificate/);
  });

  it('names a CA file that cannot be read, and a proxy that is not a URL, without its password', async () => {
    const { exitCode, stderr } = await startBot({
      HTTPS_PROXY: 'ftp://user:secret@proxy',
      NODE_EXTRA_CA_CERTS: join(directory, 'missing'),
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, /HTTPS_PROXY expected http:\/\/host:port/);
    assert.match(stderr, /NODE_EXTRA_CA_CERTS names a file that cannot be read/);
    assert.doesNotMatch(stderr, /secret/);
  });
});
