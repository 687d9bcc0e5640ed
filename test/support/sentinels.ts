import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
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
  /** Settings for bot and worker. */
  environment: Record<string, string>;
  /** URL of the server that the sentinels consider the primary, with its password. */
  primaryUrl(): Promise<string>;
  killPrimary(): Promise<void>;
  /** Starts what `killPrimary` has killed, as a replica. */
  revive(): Promise<void>;
  /** Freezes the primary; the sentinels replace it if that takes longer than a second. */
  freezePrimary(): Promise<{ thaw(): void }>;
  /** Makes the replica take over; the old primary continues as a replica. */
  switchOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Paths of PEM files, for servers with TLS. */
interface TlsFiles {
  ca: string;
  certificate: string;
  key: string;
}

const name = 'demos';
const password = 'server-password';
const sentinelPassword = 'sentinel-password';

/** Starts the group. Its processes are stopped when this process ends, however that happens, and if the group fails to start. */
export async function startSentinelGroup(tls?: TlsFiles): Promise<SentinelGroup> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-sentinels-'));
  const servers: LocalRedis[] = [];
  const sentinels: Sentinel[] = [];
  const stop = async () => {
    for (const { process } of sentinels) process.kill();
    await Promise.all([...sentinels.map(({ process }) => process), ...servers.map((server) => server.stop())]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const primary = await startServer(tls);
    servers.push(primary, await startServer(tls, ['--replicaof', '127.0.0.1', String(primary.port)]));
    for (let number = 1; number <= 3; number++)
      sentinels.push(await startSentinel(join(directory, `${number}.conf`), primary.port, tls));
    const ports = sentinels.map(({ port }) => port);
    return await watchedGroup({ servers, ports, stop, tls, authority: tls && (await readFile(tls.ca, 'utf8')) });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StartedGroup {
  servers: LocalRedis[];
  /** Of the sentinels. */
  ports: number[];
  stop(): Promise<void>;
  tls: TlsFiles | undefined;
  authority: string | undefined;
}

/** The group, once its sentinels know each other and the replica. */
async function watchedGroup({ servers, ports, stop, tls, authority }: StartedGroup): Promise<SentinelGroup> {
  const scheme = authority ? 'rediss' : 'redis';
  const ca = authority && { tls: { ca: authority } };
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
  const serverAt = (port: number) => servers.find((server) => server.port === port)!;
  let killed: number | undefined;
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');

  return {
    name,
    ports,
    password,
    sentinelPassword,
    environment: {
      REDIS_URL: `${scheme}+sentinel://:${password}@${hosts}/${name}`,
      REDIS_SENTINEL_PASSWORD: sentinelPassword,
      ...(authority && { REDIS_CA: authority }),
    },
    primaryUrl: async () => `${scheme}://:${password}@127.0.0.1:${await primaryPortNow()}`,
    async killPrimary() {
      const port = await primaryPortNow();
      await serverAt(port).stop();
      await waitFor('another primary', async () => (await primaryPortNow()) !== port);
      killed = port;
    },
    async revive() {
      const index = servers.findIndex(({ port }) => port === killed);
      servers[index] = await startServer(tls, ['--replicaof', '127.0.0.1', String(await primaryPortNow())], killed);
    },
    async freezePrimary() {
      const primary = serverAt(await primaryPortNow());
      primary.freeze();
      return { thaw: () => primary.thaw() };
    },
    async switchOver() {
      const port = await primaryPortNow();
      const takesOver = () =>
        waitFor('a sentinel that lets the replica take over', () =>
          asked<string>('SENTINEL', 'FAILOVER', name).catch(() => false),
        );
      const isOther = async () => (await primaryPortNow()) !== port;
      await takesOver();
      // The sentinels give up if the replica or one of them was too slow.
      if (!(await waitFor('another primary', isOther, { withinMs: 15_000 }).catch(() => false))) await takesOver();
      await waitFor('another primary', isOther);
      // Until then it accepts writes that are lost when it becomes a replica.
      const former = new Redis(port, '127.0.0.1', { ...ca, password });
      try {
        await waitFor('the former primary as a replica', async () =>
          (await former.info('replication')).includes('role:slave'),
        );
      } finally {
        former.disconnect();
      }
    },
    stop,
  };
}

async function startServer(tls: TlsFiles | undefined, more: string[] = [], at?: number): Promise<LocalRedis> {
  const port = at ?? (await freePort());
  const listen = tls ? ['--port', '0', '--tls-port', String(port)] : [];
  const options = ['--requirepass', password, '--masterauth', password];
  return await startRedis({ port, options: [...options, ...tlsOptions(tls).flat(), ...listen, ...more] });
}

interface Sentinel {
  port: number;
  process: ReturnType<typeof runSentinel>;
}

async function startSentinel(file: string, primaryPort: number, tls: TlsFiles | undefined): Promise<Sentinel> {
  const port = await freePort();
  const lines = [
    tls ? `port 0\ntls-port ${port}` : `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dirname(file)}`,
    `requirepass ${sentinelPassword}`,
    `sentinel sentinel-pass ${sentinelPassword}`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 2`,
    `sentinel auth-pass ${name} ${password}`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
    ...tlsOptions(tls).map(([option, value]) => `${option.slice(2)} ${value}`),
  ];
  await writeFile(file, lines.join('\n'));
  return { port, process: runSentinel(file) };
}

const runSentinel = (file: string) =>
  execa('redis-server', [file, '--sentinel'], { stdio: 'ignore', reject: false, killSignal: 'SIGKILL' });

const tlsOptions = (tls: TlsFiles | undefined): [string, string][] =>
  tls
    ? [
        ['--tls-cert-file', tls.certificate],
        ['--tls-key-file', tls.key],
        ['--tls-ca-cert-file', tls.ca],
        ['--tls-auth-clients', 'no'],
        ['--tls-replication', 'yes'],
      ]
    : [];
