import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as passOnTo, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/* The part of Slack that Socket Mode needs; the emulator does not have it. */

/** What apps.connections.open returns instead of an address. */
export type OpenFault = { status: number; retryAfter?: number } | { error: string } | { url: string } | undefined;

export interface SocketModeSlack {
  /** For SLACK_API_URL. */
  apiUrl: string;
  /** How often a connection was requested, and opened. */
  counts: { opens: number; connections: number };
  /** From now on; undefined ends it. */
  failOpen(fault: OpenFault): void;
  /** Closes each new connection at once with this reason instead of a hello; undefined ends that. */
  turnAway(reason: string | undefined): void;
  /** Resolves with the newest connection, as soon as one exists. */
  connected(): Promise<WebSocket>;
  /** Sends an envelope on the newest connection; resolves with the response. */
  send(
    type: 'slash_commands' | 'interactive' | 'events_api',
    payload: object,
  ): Promise<{ payload?: Record<string, unknown> }>;
  /** Warns on the newest connection that it will be closed. */
  disconnect(reason: string): Promise<void>;
  /** Cuts all connections and stops listening; `comeBack` listens on the same port again. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** With `workspace`, the address of a Web API, that answers all calls but those that open a connection. */
export async function startSocketModeSlack({ workspace }: { workspace?: string } = {}): Promise<SocketModeSlack> {
  const counts = { opens: 0, connections: 0 };
  let fault: OpenFault;
  let turnedAway: string | undefined;
  let newest: WebSocket | undefined;
  let waiting: ((socket: WebSocket) => void)[] = [];
  let server: Server;
  let port = 0;

  const answerTo = (path: string): [status: number, body: object, headers?: Record<string, string>] => {
    if (!path.endsWith('apps.connections.open'))
      return [200, { ok: true, user_id: 'U0BOT', bot_id: 'B0BOT', team_id: 'T0', user: { team_id: 'T0' } }];
    counts.opens++;
    if (fault && 'status' in fault)
      return [fault.status, {}, fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }];
    if (fault && 'error' in fault) return [200, { ok: false, error: fault.error }];
    if (fault) return [200, { ok: true, ...fault }];
    return [200, { ok: true, url: `ws://127.0.0.1:${port}/` }];
  };
  const greet = (socket: WebSocket) => {
    counts.connections++;
    socket.on('error', () => undefined);
    if (turnedAway !== undefined) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: turnedAway }));
      return;
    }
    newest = socket;
    socket.once('close', () => (newest = newest === socket ? undefined : newest));
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0' } }));
    for (const tell of waiting) tell(socket);
    waiting = [];
  };
  const listen = async () => {
    server = createServer((request, response) => {
      const path = request.url ?? '';
      if (workspace !== undefined && !path.endsWith('apps.connections.open'))
        return void request.pipe(
          passOn(`${workspace}${path.slice('/api/'.length)}`, request, (answer) => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
          }).on('error', () => response.destroy()),
        );
      const [status, body, headers] = answerTo(path);
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    });
    sockets = new WebSocketServer({ server });
    sockets.on('connection', greet);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  let sockets: WebSocketServer;
  const goAway = async () => {
    newest = undefined;
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen();

  const connected = () =>
    newest === undefined ? new Promise<WebSocket>((resolve) => waiting.push(resolve)) : Promise.resolve(newest);
  return {
    apiUrl: `http://127.0.0.1:${port}/api/`,
    counts,
    failOpen: (given) => (fault = given),
    turnAway: (reason) => (turnedAway = reason),
    connected,
    async send(type, payload) {
      const socket = await connected();
      const envelope = randomUUID();
      const answered = new Promise<Answer>((resolve) => {
        const read = (data: unknown) => {
          const answer = JSON.parse(String(data)) as Answer;
          if (answer.envelope_id !== envelope) return;
          socket.off('message', read);
          resolve(answer);
        };
        socket.on('message', read);
      });
      socket.send(JSON.stringify({ type, envelope_id: envelope, accepts_response_payload: true, payload }));
      return await answered;
    },
    async disconnect(reason) {
      const socket = await connected();
      newest = undefined;
      socket.send(JSON.stringify({ type: 'disconnect', reason }));
    },
    goAway,
    comeBack: listen,
    close: goAway,
  };
}

type Answer = { envelope_id: string; payload?: Record<string, unknown> };

const passOn = (url: string, { method, headers }: IncomingMessage, onAnswer: (answer: IncomingMessage) => void) =>
  passOnTo(url, { method, headers }, onAnswer);
