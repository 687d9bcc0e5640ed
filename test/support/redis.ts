import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';

export interface LocalRedis {
  url: string;
  port: number;
  /** Freezes it: connections stay open, nothing is answered. `stop` works all the same. */
  freeze(): void;
  stop(): Promise<void>;
}

/**
 * Starts a real Redis without persistence, on a free port or on the given one, to bring one back after an outage.
 * `options` are further arguments, such as `['--maxmemory-policy', 'allkeys-lru']`.
 * @throws Error that says how to get a Redis, where there is none.
 */
export async function startRedis({
  port,
  options = [],
}: { port?: number; options?: string[] } = {}): Promise<LocalRedis> {
  const listen = port ?? (await freePort());
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-redis-'));
  const local = ['--port', String(listen), '--bind', '127.0.0.1', '--dir', directory, ...inMemory, ...options];
  try {
    const { server, exited } =
      (await launch('redis-server', local)) ??
      (await launch('valkey-server', local)) ??
      (await launch(await compiledServer(), local)) ??
      // Without its daemon docker ends, with the reason on standard error.
      (await launch('docker', dockerArguments(listen, options)).catch(() => undefined)) ??
      noRedis();
    return {
      url: `redis://127.0.0.1:${listen}`,
      port: listen,
      freeze: () => void server.kill('SIGSTOP'),
      async stop() {
        // docker hands SIGTERM on to its container; a frozen server ends by SIGKILL alone.
        server.kill(server.spawnfile === 'docker' ? 'SIGTERM' : 'SIGKILL');
        await exited;
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

const inMemory = ['--save', '', '--appendonly', 'no'];

function dockerArguments(port: number, options: string[]): string[] {
  return ['run', '--rm', '-p', `127.0.0.1:${port}:6379`, 'redis:7-alpine', 'redis-server', ...inMemory, ...options];
}

/** Of the package `redis-memory-server`, which fetches and compiles it at the first time; undefined where it cannot. */
async function compiledServer(): Promise<string | undefined> {
  process.stderr.write(
    'No redis-server or valkey-server on the PATH: fetching and compiling one takes a while, once.\n',
  );
  try {
    const { default: binary } = await import('redis-memory-server/lib/util/RedisBinary.js');
    return await binary.default.getPath();
  } catch {
    return undefined;
  }
}

function noRedis(): never {
  throw new Error(
    'A Redis is needed: install redis-server or valkey-server (Debian and Ubuntu: apt-get install redis-server) or start Docker, then run this again.',
  );
}

/** The server once it accepts connections; undefined where there is no such command. */
async function launch(command: string | undefined, options: string[]) {
  if (command === undefined) return undefined;
  const server = spawn(command, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => server.once('exit', resolve));
  const output: string[] = [];
  const ready = new Promise<'ready'>((resolve) =>
    createInterface({ input: server.stdout }).on('line', (line) => {
      output.push(line);
      if (line.includes('Ready to accept connections')) resolve('ready');
    }),
  );
  const missing = new Promise<'missing'>((resolve, reject) =>
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve('missing') : reject(error),
    ),
  );
  const outcome = await Promise.race([ready, missing, exited]);
  if (outcome === 'missing') return undefined;
  if (outcome === 'ready') return { server, exited };
  throw new Error(`${command} ended with ${outcome}:\n${output.join('\n')}`);
}
