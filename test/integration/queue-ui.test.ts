import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { execa, type Options, type ResultPromise } from 'execa';
import { startRedis, type LocalRedis } from '../support/redis.js';

const script = fileURLToPath(new URL('../../scripts/queue-ui.ts', import.meta.url));
const start = (env: Record<string, string>) =>
  execa(process.execPath, ['--import', 'tsx', script], {
    env: { PATH: process.env.PATH!, QUEUE_UI_PORT: '0', ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  } satisfies Options);

let redis: LocalRedis;
let ui: ResultPromise;
let url: string;
before(async () => {
  redis = await startRedis();
  const queue = new Queue('provisioning-east', { connection: { url: redis.url } });
  await queue.add('create', { demo: 'team-a' });
  await queue.close();
  ui = start({ REDIS_URL: redis.url });
  const [line] = (await once(createInterface(ui.stdout!), 'line')) as [string];
  url = /http:\S+/.exec(line)![0];
});
after(async () => {
  ui.kill();
  await ui;
  await redis.stop();
});

/** Status of the response to a request with that method and Host header. */
const ask = (path: string, method: string, host?: string) =>
  new Promise<number>((resolve, reject) => {
    request(new URL(path, url), { method, headers: host ? { host } : {} }, (response) =>
      resolve(response.resume().statusCode!),
    )
      .on('error', reject)
      .end();
  });

test('the page shows the queues of the product and any others that exist', async () => {
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  const [, main] = /src="(static\/js\/main\.[^"]+)"/.exec(await page.text())!;
  assert.equal((await fetch(new URL(main!, url))).status, 200);
  const { queues } = (await (await fetch(new URL('api/queues?activeQueue=provisioning-east', url))).json()) as {
    queues: { name: string; counts: { waiting: number }; readOnlyMode: boolean; jobs: { data: unknown }[] }[];
  };
  assert.deepEqual(
    queues.map(({ name, counts, readOnlyMode }) => [name, counts.waiting, readOnlyMode]),
    [
      ['provisioning', 0, true],
      ['provisioning-east', 1, true],
      ['removal', 0, true],
      ['verification', 0, true],
    ],
  );
  assert.deepEqual(queues[1]!.jobs[0]!.data, { demo: 'team-a' });
});

test('the page is read-only, and answers only under its own hostname', async () => {
  assert.equal(await ask('api/queues/provisioning-east/empty', 'PUT'), 405);
  assert.equal(await ask('/', 'GET', 'evil.example.com'), 403);
  assert.equal(await ask('/', 'GET', 'localhost:8080'), 200);
});

test('the page exits with the reason if there is no Redis', async () => {
  const { exitCode, stderr } = await start({ REDIS_URL: 'redis://127.0.0.1:1' });
  assert.equal(exitCode, 1);
  assert.match(stderr, /queues cannot be read.*\n.*REDIS_URL/);
});
