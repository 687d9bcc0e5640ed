import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A proxy that only supports CONNECT and requires a user name and a password, as corporate ones do. */
export interface ConnectProxy {
  /** Includes the user name and the password. */
  url: string;
  /** The destinations that were requested, `host:port`. */
  targets: string[];
  close(): Promise<void>;
}

/** Connects to this local port whatever the destination, so the names need not resolve. */
export async function startConnectProxy(port: number): Promise<ConnectProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connection', keep);
  server.on('connect', (request, client: Socket) => {
    const [scheme, credentials = ''] = (request.headers['proxy-authorization'] ?? '').split(' ');
    if (scheme !== 'Basic' || Buffer.from(credentials, 'base64').toString() !== 'user:secret')
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    targets.push(request.url ?? '');
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    keep(upstream);
    client.on('close', () => upstream.destroy());
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
