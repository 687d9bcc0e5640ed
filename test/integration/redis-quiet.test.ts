import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { aclRules } from '../../src/redis/permissions.js';
import { within } from '../../src/within.js';
import { freePort } from '../support/free-port.js';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, type RunningProcess, type Stack } from '../support/stack.js';

/* What a worker process uses while its Redis is unusable: CPU, memory and log lines. */

const watchedMs = 6_000;

describe('a worker', () => {
  let host: SimulatedHost;
  let stack: Stack;
  let admin: Redis;
  before(async () => {
    host = await simulatedHost(undefined);
    stack = await startStack(host.environment, { notice: host.notice });
    admin = new Redis(stack.redis.url, { maxRetriesPerRequest: null });
    admin.on('error', () => undefined);
  });
  after(async () => {
    admin.disconnect();
    await stack.close();
    await host.close();
  });

  const cases: [name: string, begin: () => Promise<unknown>, end: () => Promise<unknown>][] = [
    [
      'whose user may not do any more what it did',
      () => admin.call('ACL', 'SETUSER', 'u', '-eval', '-evalsha', '-bzpopmin', '-info'),
      () => admin.call('ACL', 'SETUSER', 'u', '+eval', '+evalsha', '+bzpopmin', '+info'),
    ],
    [
      'whose Redis has become a replica and keeps its connections',
      () => admin.call('REPLICAOF', '127.0.0.1', '1'),
      () => admin.call('REPLICAOF', 'NO', 'ONE'),
    ],
    ['whose Redis is full', () => admin.config('SET', 'maxmemory', '1'), () => admin.config('SET', 'maxmemory', '0')],
    [
      'whose Redis takes no more clients',
      async () => {
        await admin.config('SET', 'maxclients', '1');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      },
      () => admin.config('SET', 'maxclients', '1000'),
    ],
    ['whose Redis is stopped', async () => stack.redis.freeze(), async () => stack.redis.thaw()],
  ];

  for (const [name, begin, end] of cases)
    it(`${name} is idle, logs few lines and stops on request`, async () => {
      await admin.call('ACL', 'SETUSER', 'u', 'on', '>p', ...aclRules('worker'));
      const port = await freePort();
      const lines: string[] = [];
      const environment = {
        REDIS_URL: stack.redis.url.replace('//', '//u:p@'),
        WORKER_PORT: String(port),
        WORKER_STOP_SECONDS: '2',
      };
      const worker = await stack.startWorker(environment, (line) => lines.push(line));
      try {
        await begin();
        lines.length = 0;
        const before = await usage(worker);
        await sleep(watchedMs);
        const after = await usage(worker);
        assert.ok(
          after.cpuMs - before.cpuMs < watchedMs / 4,
          `${after.cpuMs - before.cpuMs} ms of CPU in ${watchedMs}`,
        );
        assert.ok(after.residentMb - before.residentMb < 40, `${before.residentMb} MB became ${after.residentMb}`);
        assert.ok(lines.length < 10, lines.join('\n'));
        const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
        assert.equal(ready.status, 503, await ready.text());
        await within(10_000, () => worker.kill('SIGTERM'));
      } finally {
        await worker.kill('SIGKILL');
        await end();
      }
    });
});

/** What Linux reports about a process. */
async function usage({ pid }: RunningProcess): Promise<{ cpuMs: number; residentMb: number }> {
  const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
  // After the name, which may contain spaces: state, 10 more fields, then user and system time in ticks of 10 ms.
  const [utime, stime] = stat!
    .slice(stat!.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return {
    cpuMs: (utime! + stime!) * 10,
    residentMb: Number(/^VmRSS:\s+(\d+)/m.exec(status!)?.[1]) / 1024,
  };
}
