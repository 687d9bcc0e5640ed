import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { workerEnvironment } from '../support/environments.js';
import { simulatedHost } from '../support/host.js';

const main = fileURLToPath(new URL('../../src/jobs/worker/main.ts', import.meta.url));

test('a worker that has not reached Redis yet exits with 0 on SIGTERM, also where it is the first process', async () => {
  const host = await simulatedHost(undefined);
  // It accepts connections and never answers.
  const redis = net.createServer(() => undefined).listen(0, '127.0.0.1');
  await once(redis, 'listening');
  const { port } = redis.address() as net.AddressInfo;
  const slack = { botToken: 'xoxb-1', signingSecret: '', apiUrl: 'http://127.0.0.1:1/' };
  const worker = execa(process.execPath, ['--import', 'tsx', main], {
    env: workerEnvironment({ slack, host, redis: { url: `redis://127.0.0.1:${port}` } }),
    extendEnv: false,
    reject: false,
    killSignal: 'SIGKILL',
    timeout: 30_000,
  });
  try {
    await once(redis, 'connection');
    const asked = performance.now();
    worker.kill('SIGTERM');
    const { exitCode, signal } = await worker;
    assert.deepEqual({ exitCode, signal }, { exitCode: 0, signal: undefined });
    assert.ok(performance.now() - asked < 3_000);
  } finally {
    worker.kill('SIGKILL');
    redis.close();
    await host.close();
  }
});
