import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { startRedis, type LocalRedis } from './redis.js';
import { waitFor } from './wait-for.js';

/** A primary, its replica and three sentinels that watch them: real processes, with passwords. */
export interface SentinelGroup {
  name: string;
  ports: number[];
  password: string;
  sentinelPassword: string;
  /** What bot and worker are told. */
  environment: Record<string, string>;
  /** Of the server that the sentinels hold for the primary, with its password. */
  primaryUrl(): Promise<string>;
  killPrimary(): Promise<void>;
  /** Lets the replica take over; the primary lives on as a replica. */
  switchOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Paths of PEM files for servers over TLS. */
export interface TlsFiles {
  ca: string;
  certificate: string;
  key: string;
}

export async function startSentinelGroup(tls?: TlsFiles): Promise<SentinelGroup> {
  const [name, password, sentinelPassword] = ['demos', 'server-password', 'sentinel-password'];
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-sentinels-'));
  const [primaryPort, replicaPort] = [await freePort(), await freePort()];
  const auth = ['--requirepass', password, '--masterauth', password];
  const tlsOptions = tls
    ? [
        ...['--tls-cert-file', tls.certificate, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.ca],
        ...['--tls-auth-clients', 'no', '--tls-replication', 'yes'],
      ]
    : [];
  const listen = (port: number) => (tls ? ['--port', '0', '--tls-port', String(port)] : []);
  const servers = [
    await startRedis({ port: primaryPort, options: [...auth, ...tlsOptions, ...listen(primaryPort)] }),
    await startRedis({
      port: replicaPort,
      options: [...auth, ...tlsOptions, ...listen(replicaPort), '--replicaof', '127.0.0.1', String(primaryPort)],
    }),
  ];
  const sentinels: ChildProcess[] = [];
  const ended: Promise<unknown>[] = [];
  const ports: number[] = [];
  for (let number = 1; number <= 3; number++) {
    const port = await freePort();
    const file = join(directory, `${number}.conf`);
    await writeFile(
      file,
      [
        tls ? `port 0\ntls-port ${port}` : `port ${port}`,
        'bind 127.0.0.1',
        `dir ${directory}`,
        `requirepass ${sentinelPassword}`,
        `sentinel sentinel-pass ${sentinelPassword}`,
        `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 2`,
        `sentinel auth-pass ${name} ${password}`,
        `sentinel down-after-milliseconds ${name} 1000`,
        `sentinel failover-timeout ${name} 5000`,
        ...pairsOf(tlsOptions).map(([option, value]) => `${option!.slice(2)} ${value}`),
      ].join('\n'),
    );
    const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    sentinels.push(sentinel);
    ended.push(once(sentinel, 'exit'));
    ports.push(port);
  }
  const scheme = tls ? 'rediss' : 'redis';
  const ca = tls && { tls: { ca: await readFile(tls.ca, 'utf8') } };
  const asked = async <Answer>(...command: [string, ...string[]]): Promise<Answer> => {
    const options = { ...ca, password: sentinelPassword, retryStrategy: null, enableReadyCheck: false };
    const sentinel = new Redis(ports[0]!, '127.0.0.1', options);
    sentinel.on('error', () => undefined);
    try {
      return (await sentinel.call(...command)) as Answer;
    } finally {
      sentinel.disconnect();
    }
  };
  const primaryPortNow = async () => Number((await asked<string[]>('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name))[1]);
  await waitFor('three sentinels that know each other and the replica', async () => {
    const fields = await asked<string[]>('SENTINEL', 'MASTER', name).catch((): string[] => []);
    const valueOf = (field: string) => fields[fields.indexOf(field) + 1];
    return valueOf('num-other-sentinels') === '2' && valueOf('num-slaves') === '1';
  });
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');

  return {
    name,
    ports,
    password,
    sentinelPassword,
    environment: {
      REDIS_URL: `${scheme}+sentinel://:${password}@${hosts}/${name}`,
      REDIS_SENTINEL_PASSWORD: sentinelPassword,
      ...(tls && { REDIS_CA: await readFile(tls.ca, 'utf8') }),
    },
    primaryUrl: async () => `${scheme}://:${password}@127.0.0.1:${await primaryPortNow()}`,
    async killPrimary() {
      const port = await primaryPortNow();
      await servers.find((server: LocalRedis) => server.port === port)!.stop();
      await waitFor('another primary', async () => (await primaryPortNow()) !== port);
    },
    async switchOver() {
      const port = await primaryPortNow();
      await waitFor('a sentinel that lets the replica take over', () =>
        asked<string>('SENTINEL', 'FAILOVER', name).catch(() => false),
      );
      await waitFor('another primary', async () => (await primaryPortNow()) !== port);
      // Until then it takes what is lost when it becomes a replica.
      const former = new Redis(port, '127.0.0.1', { ...ca, password });
      await waitFor('the former primary as a replica', async () =>
        (await former.info('replication')).includes('role:slave'),
      );
      former.disconnect();
    },
    async stop() {
      for (const sentinel of sentinels) sentinel.kill('SIGKILL');
      await Promise.all(ended);
      await Promise.all(servers.map((server) => server.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const pairsOf = (words: string[]) =>
  words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]]] : []));
