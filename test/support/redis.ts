import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';
import { provideRedisServer } from './redis-server.js';

export interface LocalRedis {
  url: string;
  port: number;
  /** Freezes it: connections stay open, nothing is answered. `stop` works all the same. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/**
 * Starts a real Redis without persistence, on a free port or on the given one, to bring one back after an outage.
 * `options` are further arguments, such as `['--maxmemory-policy', 'allkeys-lru']`.
 * @throws Error that says how to get a Redis, where none can be brought
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
    const { server, exited } = await launch(command, command === 'docker' ? dockerArguments(listen, options) : local);
    return {
      url: `redis://127.0.0.1:${listen}`,
      port: listen,
      freeze: () => void server.kill('SIGSTOP'),
      thaw: () => void server.kill('SIGCONT'),
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

/** The server once it accepts connections. */
async function launch(command: string, options: string[]) {
  const server = spawn(command, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => server.once('exit', resolve));
  const failed = new Promise<never>((_resolve, reject) => server.once('error', reject));
  const output: string[] = [];
  const ready = new Promise<'ready'>((resolve) =>
    createInterface({ input: server.stdout }).on('line', (line) => {
      output.push(line);
      if (line.includes('Ready to accept connections')) resolve('ready');
    }),
  );
  const outcome = await Promise.race([ready, failed, exited]);
  if (outcome === 'ready') return { server, exited };
  throw new Error(`${command} ended with ${outcome}:\n${output.join('\n')}`);
}
