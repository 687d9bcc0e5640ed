import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SocketModeSlack } from './socket-mode.js';

/**
 * Takes what Slack sends over HTTP and sends it over Socket Mode instead, so that a test can do the same over both: the
 * address takes the place of the bot's.
 */
export async function startSocketBridge(slack: Pick<SocketModeSlack, 'send'>) {
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const { payload } = await slack.send(...envelopeOf(body));
      response.end(payload === undefined ? '' : JSON.stringify(payload));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}

function envelopeOf(body: string): Parameters<SocketModeSlack['send']> {
  if (body.startsWith('{')) return ['events_api', JSON.parse(body) as object];
  const form = new URLSearchParams(body);
  const payload = form.get('payload');
  return payload === null
    ? ['slash_commands', Object.fromEntries(form)]
    : ['interactive', JSON.parse(payload) as object];
}
