import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { readQueueSettings } from '../src/config.js';
import { messageOf, UserError } from '../src/errors.js';
import { queueKinds, queueName } from '../src/commands/payload.js';
import { createLog } from '../src/log.js';
import { openRedis } from '../src/redis/link.js';

/* npm run queue-ui: Bull Board for the queues in REDIS_URL, only on this machine, and read-only. */

const log = createLog('vcdemo-queue-ui', 'warn');
try {
  const settings = readQueueSettings();
  // People who open the page learn at once that Redis is down.
  const { redis } = openRedis(settings, log, 'bot', { isMomentary: true, maxRetriesPerRequest: 1 });
  const names = await queuesIn(redis, settings.demoConfig.clusters).catch((error: unknown) => {
    redis.disconnect();
    throw new UserError('queues-unreadable', `The queues cannot be read: ${messageOf(error)}`, {
      hint: 'Check the Redis server in REDIS_URL.',
    });
  });
  const server = createServer(onlyReading(boardOf(names, redis)));
  server.listen(settings.QUEUE_UI_PORT, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    console.log(`${names.join(', ')}: http://127.0.0.1:${port}/`);
  });
  server.on('error', (error) => {
    console.error(messageOf(error));
    process.exit(1);
  });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error([error.message, error.hint].filter(Boolean).join('\n'));
  process.exitCode = 1;
}

/** The queues of the host clusters in the configuration, and any others that exist. */
async function queuesIn(redis: Redis, clusters: readonly string[]): Promise<string[]> {
  const each = clusters.length > 0 ? clusters : [undefined];
  const names = new Set(each.flatMap((cluster) => queueKinds.map((kind) => queueName(kind, cluster))));
  for await (const keys of redis.scanStream({ match: 'bull:*:meta', count: 1000 }))
    for (const key of keys as string[]) names.add(key.slice('bull:'.length, -':meta'.length));
  return [...names].sort();
}

function boardOf(names: string[], connection: Redis): RequestListener {
  const serverAdapter = new ExpressAdapter();
  const queues = names.map((name) => {
    const queue = new Queue(name, { connection, skipMetasUpdate: true });
    queue.on('error', (error) => log.warn({ reason: messageOf(error) }, 'queue'));
    return new BullMQAdapter(queue, { readOnlyMode: true });
  });
  createBullBoard({ queues, serverAdapter, options: { uiConfig: { boardTitle: 'vcdemo' } } });
  return serverAdapter.getRouter() as RequestListener;
}

/** Refuses writes, and requests under other hostnames (DNS rebinding); the page itself loads nothing from elsewhere. */
function onlyReading(board: RequestListener): RequestListener {
  return (request, response) => {
    if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? '')) response.writeHead(403).end();
    else if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
    else {
      response.setHeader(
        'content-security-policy',
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
      );
      board(request, response);
    }
  };
}
