import { createServer, type Server } from 'node:http';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import { inFull } from '../../redis/answers.js';
import type { RunningWorker } from './worker.js';

/** `/healthz`: the process is alive. `/readyz`: it gets jobs and can tell people, or the reasons why not. `/metrics`: for Prometheus. */
export function healthServer(worker: RunningWorker): Server {
  const { registry } = worker.metrics;
  return createServer((request, response) => {
    const answer = (status: number, text: string, contentType = 'text/plain') =>
      response.writeHead(status, { 'content-type': contentType }).end(text);
    switch (request.url) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz':
        return worker
          .ping(seconds(1))
          .then(() => undefined, inFull)
          .then((queueProblem) => {
            const problems = [queueProblem, worker.slackProblem()].filter(Boolean);
            answer(problems.length > 0 ? 503 : 200, `${problems.join('\n') || 'ok'}\n`);
          });
      case '/metrics':
        return registry.metrics().then(
          (text) => answer(200, text, registry.contentType),
          (error: unknown) => answer(500, `${messageOf(error)}\n`),
        );
      default:
        return answer(404, 'not found\n');
    }
  });
}
