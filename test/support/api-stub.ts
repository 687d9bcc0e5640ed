import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { makeAuthority, makeCertificate, type Pair } from './certificates.js';

export type Answering = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** An HTTPS server that answers each request as the test defines. */
export interface ApiStub {
  url: string;
  /** The root that signed its certificate, PEM. */
  authority: Pair;
  /** Method, path and query of the requests, in order. */
  readonly asked: string[];
  readonly server: https.Server;
  close(): void;
}

export async function startApiStub(answering: Answering, pair?: Pair): Promise<ApiStub> {
  const authority = await makeAuthority('api');
  const { certificate: cert, key } = pair ?? (await makeCertificate(authority, 'api', { names: ['localhost'] }));
  const asked: string[] = [];
  const server = https.createServer({ cert, key }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answering(request, response);
  });
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    authority,
    asked,
    server,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export function sendJson(response: http.ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Gives the answers of the list in order, then repeats the last one. */
export function inTurn(...answers: Answering[]): Answering {
  let next = 0;
  return (request, response) => answers[Math.min(next++, answers.length - 1)]!(request, response);
}

export const status =
  (code: number, message = 'x', headers = {}): Answering =>
  (_request, response) =>
    sendJson(response, code, { kind: 'Status', message, code }, headers);
