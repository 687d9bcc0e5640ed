import type { ServerResponse } from 'node:http';
import { messageOf } from '../errors.js';
import type { BotMetrics } from '../metrics.js';
import { inFull } from '../redis/answers.js';
import type { JobQueues } from './queue.js';
import type { Route } from './receiver/http.js';

/**
 * `/healthz`: the process is alive. `/readyz`: it hears from Slack and can put jobs on the queues, or the reasons why not.
 * `/metrics`: for Prometheus. `slackProblem` says why the bot does not hear from Slack.
 */
export function healthRoutes(
  queues: JobQueues,
  { registry }: BotMetrics,
  slackProblem: () => string | undefined,
): Route[] {
  return [
    {
      path: '/healthz',
      method: 'GET',
      handler: (_request, response) => answer(response, 200, 'ok'),
    },
    {
      path: '/readyz',
      method: 'GET',
      handler: (_request, response) => void answerReadiness(response, queues, slackProblem()),
    },
    {
      path: '/metrics',
      method: 'GET',
      handler: (_request, response) => {
        registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          (error: unknown) => answer(response, 500, messageOf(error)),
        );
      },
    },
  ];
}

async function answerReadiness(response: ServerResponse, queues: JobQueues, slackProblem: string | undefined) {
  const queueProblem = await queues.ping().then(() => undefined, inFull);
  const problems = [queueProblem, slackProblem === undefined ? undefined : `Slack: ${slackProblem}`].filter(Boolean);
  answer(response, problems.length > 0 ? 503 : 200, problems.join('\n') || 'ok');
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
