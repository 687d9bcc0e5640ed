import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../errors.js';
import type { BotMetrics } from '../metrics.js';
import type { JobQueues } from './queue.js';

/** `/healthz`: the process lives. `/readyz`: it can put jobs on the queues; if not, the reason. `/metrics`: for Prometheus. */
export function healthRoutes(queues: JobQueues, { registry }: BotMetrics) {
  return [
    {
      path: '/healthz',
      method: 'GET',
      handler: (_request: IncomingMessage, response: ServerResponse) => answer(response, 200, 'ok'),
    },
    {
      path: '/readyz',
      method: 'GET',
      handler: (_request: IncomingMessage, response: ServerResponse) => {
        queues.ping().then(
          () => answer(response, 200, 'ok'),
          (error: unknown) => answer(response, 503, messageOf(error)),
        );
      },
    },
    {
      path: '/metrics',
      method: 'GET',
      handler: (_request: IncomingMessage, response: ServerResponse) => {
        registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          (error: unknown) => answer(response, 500, messageOf(error)),
        );
      },
    },
  ];
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
