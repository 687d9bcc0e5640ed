import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { V1Pod } from '@kubernetes/client-node';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { createAuthority } from '../../simulator/certificates.js';
import { startSimulatedCluster, type SimulatedCluster } from '../../simulator/index.js';
import { connectCluster, type Cluster } from '../../src/k8s/client/cluster.js';
import { execInPod } from '../../src/k8s/client/exec.js';
import { hostAccess } from '../../src/k8s/client/host-access.js';
import { create, read } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { runTool } from '../../src/k8s/tools.js';
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.js';
import { startRedis, type LocalRedis } from '../support/redis.js';
import { startSocketModeSlack, type SocketModeSlack } from '../support/socket-mode.js';
import { triggerId } from '../support/slack.js';
import { waitFor } from '../support/wait-for.js';
import { jobKeys } from '../support/job-keys.js';

/* A corporate network: Slack is only reachable through a proxy, its name does not resolve here, and it uses a private CA. */

const main = fileURLToPath(new URL('../../src/bot/main.ts', import.meta.url));
const slackHost = 'slack.corp.test';
const helmIsMissing = (await execa('helm', ['version'], { reject: false })).failed;

/** TLS in front of the emulated Slack, which speaks plain HTTP; it gives its own address for the WebSocket. */
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
        ...jobKeys,
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
  async function firstLine(bot: ReturnType<typeof startBot>, text: string): Promise<string> {
    for await (const line of bot) if (line.includes(text)) return line;
    return assert.fail(`the bot ended without saying ${text}`);
  }
  const extraCa = () => ({ NODE_EXTRA_CA_CERTS: join(directory, 'ca.crt') });

  it('uses it for calls to Slack and the WebSocket of Socket Mode, with a private CA', async () => {
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

  it('does not use the proxy for what NO_PROXY names', async () => {
    proxy.targets.length = 0;
    const bot = startBot({ HTTPS_PROXY: proxy.url, NO_PROXY: '.corp.test', ...extraCa() });
    try {
      const line = await firstLine(bot, 'retrying');
      assert.match(line, /slack\.corp\.test/);
    } finally {
      bot.kill();
      await bot;
    }
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

describe('a host cluster behind a proxy', () => {
  let simulated: SimulatedCluster;
  let proxy: ConnectProxy;
  let cluster: Cluster | undefined;
  const own = { HTTPS_PROXY: process.env.HTTPS_PROXY, NO_PROXY: process.env.NO_PROXY };

  before(async () => {
    simulated = await startSimulatedCluster({ podStartMs: 50 });
    const { port } = new URL((parse(simulated.kubeconfig) as Kubeconfig).clusters[0].cluster.server);
    proxy = await startConnectProxy(Number(port));
  });
  after(async () => {
    await proxy.close();
    await simulated.close();
  });
  beforeEach(() => {
    proxy.targets.length = 0;
  });
  afterEach(() => {
    cluster?.close();
    for (const [name, value] of Object.entries(own))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });

  /** The simulated cluster under a name that only the proxy knows. */
  async function connectAs(environment: typeof own, more: object = {}): Promise<Cluster> {
    Object.assign(process.env, environment);
    const kubeconfig = parse(simulated.kubeconfig) as Kubeconfig;
    const [{ cluster: entry }] = kubeconfig.clusters;
    Object.assign(entry, { server: 'https://api.corp.test:6443', 'tls-server-name': 'localhost', ...more });
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-proxy-host-'));
    const file = join(directory, 'kubeconfig');
    await writeFile(file, stringify(kubeconfig), { mode: 0o600 });
    cluster = connectCluster('host', hostAccess({ KUBECONFIG: file }));
    await rm(directory, { recursive: true });
    return cluster;
  }

  it('is reached, with its containers, through the proxy of the environment', async () => {
    const host = await connectAs({ HTTPS_PROXY: proxy.url, NO_PROXY: '.example.com' });
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'proxied' } });
    const containers = [{ name: 'shell', image: 'docker.io/curlimages/curl:8.16.0', command: ['sleep', '60'] }];
    const metadata = { name: 'shell', namespace: 'proxied' };
    await waitFor('the default ServiceAccount', () => read(host, ref('v1', 'ServiceAccount', 'default', 'proxied')));
    await create(host, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } });
    await waitFor('the pod', async () => {
      const pod = await read<V1Pod>(host, ref('v1', 'Pod', 'shell', 'proxied'));
      return pod?.status?.phase === 'Running';
    });
    const target = { namespace: 'proxied', pod: 'shell', container: 'shell' };
    const { signal } = new AbortController();
    assert.equal(await execInPod(host, target, ['echo', 'hello'], { withinMs: 20_000, signal }), 'hello\n');
    assert.deepEqual([...new Set(proxy.targets)], ['api.corp.test:6443']);
  });

  it('is reached through the proxy in its kubeconfig, whatever the environment says', async () => {
    const host = await connectAs({ HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '*' }, { 'proxy-url': proxy.url });
    await list(host, 'v1', 'Namespace');
    assert.ok(proxy.targets.length > 0);
  });

  it('is reached directly if NO_PROXY names it', async () => {
    const host = await connectAs({ HTTPS_PROXY: proxy.url, NO_PROXY: '.corp.test' });
    await assert.rejects(host.request({ method: 'GET', path: '/version', repeat: 'never' }), /ENOTFOUND|EAI_AGAIN/);
    assert.deepEqual(proxy.targets, []);
  });
});

describe('helm behind a proxy', { skip: helmIsMissing && 'there is no helm on the PATH' }, () => {
  const authority = createAuthority('corp');
  const own = { HTTPS_PROXY: process.env.HTTPS_PROXY, NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS };
  let directory: string;
  let repository: https.Server;
  let proxy: ConnectProxy;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-proxy-helm-'));
    await writeFile(join(directory, 'ca.crt'), authority.certificate);
    const host = 'charts.corp.test';
    const server = authority.issueWithKey({ subject: { commonName: host }, subjectAltNames: [host] });
    repository = https.createServer({ cert: server.certificate, key: server.privateKey }, (request, response) => {
      const entries = { demo: [{ apiVersion: 'v2', name: 'demo', version: '1.0.0', urls: ['demo-1.0.0.tgz'] }] };
      if (request.url === '/index.yaml') response.end(stringify({ apiVersion: 'v1', entries }));
      else response.writeHead(404).end();
    });
    repository.listen(0, '127.0.0.1');
    await once(repository, 'listening');
    proxy = await startConnectProxy((repository.address() as AddressInfo).port);
    process.env.HTTPS_PROXY = proxy.url;
  });
  after(async () => {
    for (const [name, value] of Object.entries(own))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    await proxy.close();
    repository.closeAllConnections();
    repository.close();
    await rm(directory, { recursive: true });
  });

  const pull = () => {
    const repo = ['--repo', 'https://charts.corp.test', '--destination', directory];
    return runTool('helm', ['pull', 'demo', ...repo], { withinMs: 60_000 });
  };

  it('fetches charts through it, and trusts the corporate CA', async () => {
    await assert.rejects(pull(), /x509|certificate/);
    process.env.NODE_EXTRA_CA_CERTS = join(directory, 'ca.crt');
    await assert.rejects(pull(), /demo-1\.0\.0\.tgz.*404/, 'it has read the index');
    assert.deepEqual([...new Set(proxy.targets)], ['charts.corp.test:443']);
  });
});

interface Kubeconfig {
  clusters: [{ cluster: { server: string } }];
}
