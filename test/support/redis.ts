import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';

export interface TestRedis {
  url: string;
  port: number;
  /** Freezes it: connections stay open, nothing is answered. `stop` works all the same. */
  freeze(): void;
  stop(): Promise<void>;
}

/**
 * Starts a real `redis-server` without persistence, on a free port or on the given one, to bring one back after an
 * outage. `options` are further arguments, such as `['--maxmemory-policy', 'allkeys-lru']`.
 */
export async function startRedis({
  port,
  options = [],
}: { port?: number; options?: string[] } = {}): Promise<TestRedis> {
  const listen = port ?? (await freePort());
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-redis-'));
  const server = spawn(
    'redis-server',
    ['--port', String(listen), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory].concat(
      options,
    ),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(server, 'exit').catch(() => undefined);
  const stop = async () => {
    server.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const output: string[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'ENOENT'
            ? new Error('These tests need redis-server on the PATH (Debian and Ubuntu: apt-get install redis-server).')
            : error,
        ),
      );
      server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${output.join('\n')}`)));
      createInterface({ input: server.stdout }).on('line', (line) => {
        output.push(line);
        if (line.includes('Ready to accept connections')) resolve();
      });
    });
  } catch (error) {
    if (server.pid !== undefined) await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${listen}`, port: listen, freeze: () => void server.kill('SIGSTOP'), stop };
}
