import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { provideRedisServer } from './redis-server.js';

export interface LocalRedis {
  url: string;
  port: number;
  /** Freezes it: connections stay open but get no replies. `stop` still works. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/**
 * Starts a real Redis without persistence, on a free port or on the given one, as when it returns after an outage.
 * `options` are further arguments, such as `['--maxmemory-policy', 'allkeys-lru']`.
 * @throws Error that says how to get Redis, where it cannot be installed
 */
export async function startRedis({
  port,
  options = [],
}: { port?: number; options?: string[] } = {}): Promise<LocalRedis> {
  const command = await provideRedisServer();
  const listen = port ?? (await freePort());
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-redis-'));
  const local = ['--port', String(listen), '--bind', '127.0.0.1', '--dir', directory, ...inMemory, ...options];
  try {
    const { server } = await launch(command, command === 'docker' ? dockerArguments(listen, options) : local);
    return {
      url: `redis://127.0.0.1:${listen}`,
      port: listen,
      freeze: () => void server.kill('SIGSTOP'),
      thaw: () => void server.kill('SIGCONT'),
      async stop() {
        server.kill();
        await server;
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

/** As if ten seconds had passed: until then, the same command of the same person counts as one. */
export async function forgetRepeats({ url }: Pick<LocalRedis, 'url'>): Promise<void> {
  const redis = new Redis(url);
  const keys = await redis.keys('bull:*:de:*');
  if (keys.length > 0) await redis.del(keys);
  redis.disconnect();
}

/** The server once it accepts connections. It is stopped when this process ends, however that happens. */
async function launch(command: string, options: string[]) {
  const server = execa(command, options, {
    stdin: 'ignore',
    reject: false,
    buffer: false,
    // docker forwards SIGTERM to its container; only SIGKILL ends a frozen server.
    killSignal: command === 'docker' ? 'SIGTERM' : 'SIGKILL',
  });
  const output: string[] = [];
  const ready = new Promise<'ready'>((resolve) => {
    for (const stream of [server.stdout, server.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        if (line.includes('Ready to accept connections')) resolve('ready');
      });
  });
  const outcome = await Promise.race([ready, server]);
  if (outcome === 'ready') return { server };
  throw new Error([outcome.shortMessage, ...output].join('\n'));
}
