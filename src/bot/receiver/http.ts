import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { seconds } from '../../duration.js';
import { messageOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { createAnswerMemory, type Answer } from './answers.js';
import { commandLimit, interactionLimit, limitFor, parseBody } from './body.js';
import type { Dispatch } from './dispatch.js';
import { expiryOf, isSignatureOf, readSignature } from './signature.js';

/** A path that does not belong to Slack. */
export interface Route {
  path: string;
  method: string;
  handler: (request: IncomingMessage, response: ServerResponse) => void;
}

interface HttpReceiverOptions {
  signingSecret: string;
  /** Undefined if Slack sends nothing over HTTP. */
  dispatch: Dispatch | undefined;
  routes: Route[];
  log: Log;
}

const slackPath = '/slack/events';

/** Slack sends a body at once; a client that does not is not Slack. */
const limits = { headersTimeout: seconds(3), requestTimeout: seconds(5), connectionsCheckingInterval: seconds(1) };
const mostConnections = 500;
/** How long a client may take to read why its body was refused. */
const lingerMs = seconds(1);
/**
 * How much memory all bodies together may use beyond the size of a command. Anybody who knows what a signature looks like
 * can make the bot read bodies, but must not be able to fill its memory or keep commands out.
 */
const mostBytesOfLongBodies = 8 * 1024 * 1024;
/** Slack's bodies arrive in parts of some kilobytes; many small ones take more memory for themselves than for their bytes. */
const mostParts = 1000;

/** A server that is not listening yet. It reads the body of a Slack request only if its headers and age are valid. */
export function createHttpReceiver({ signingSecret, dispatch, routes, log }: HttpReceiverOptions): Server {
  const memory = createAnswerMemory();
  const readBody = createBodyReader(mostBytesOfLongBodies);

  async function answerSlack(request: IncomingMessage, handle: Dispatch): Promise<Answer> {
    const signature = readSignature((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : undefined;
    });
    if (signature === undefined) return { status: 401 };
    const body = await readBody(request);
    if (typeof body === 'number') return { status: body };
    if (!isSignatureOf(body, signature, signingSecret)) return { status: 401 };
    return await memory.once(signature.value, expiryOf(signature), async () => {
      const incoming = parseBody(body.toString('utf8'), request.headers['content-type']);
      return incoming === undefined ? { status: 400 } : await handle(incoming).answer;
    });
  }

  const server = createServer(limits, (request, response) => {
    const path = request.url?.split('?', 1)[0];
    // The client may have gone away.
    response.on('error', () => undefined);
    if (dispatch !== undefined && path === slackPath && request.method === 'POST')
      return void answerSlack(request, dispatch).then(
        (answer) => {
          if (answer.status >= 400) log.info({ status: answer.status }, 'request refused');
          send(request, response, answer);
        },
        (error: unknown) => log.debug({ reason: messageOf(error) }, 'request was cut off'),
      );
    const route = routes.find((candidate) => candidate.path === path && candidate.method === request.method);
    if (route === undefined) send(request, response, { status: 404 });
    else route.handler(request, response);
  });
  server.maxConnections = mostConnections;
  return server;
}

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  // The rest of a refused body stays unread, because dropping many of them at once fills the memory, too. Closing the
  // connection at once would keep the client from reading the answer.
  response.once('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    socket.pause();
    const closing = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once('close', () => clearTimeout(closing));
  });
  if (body === undefined || body === '') response.writeHead(status).end();
  else if (typeof body === 'string') response.writeHead(status).end(body);
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Reads a body, or returns the status with which it is refused if it is too long. */
function createBodyReader(budget: number): (request: IncomingMessage) => Promise<Buffer | number> {
  let reserved = 0;
  return async (request) => {
    if (Number(request.headers['content-length'] ?? 0) > interactionLimit) return 413;
    const parts: Buffer[] = [];
    let size = 0;
    let held = 0;
    try {
      // A refused request is not destroyed: the client has to get the answer.
      const content: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
      for await (const part of content) {
        parts.push(part);
        size += part.length;
        if (parts.length > mostParts) return 413;
        if (size <= commandLimit) continue;
        if (size > limitFor(request.headers['content-type'], Buffer.concat(parts.slice(0, 8)))) return 413;
        const more = size - commandLimit - held;
        if (reserved + more > budget) return 503;
        held += more;
        reserved += more;
      }
      return Buffer.concat(parts);
    } finally {
      reserved -= held;
    }
  };
}
