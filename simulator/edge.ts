import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { createAuthority } from './certificates.js';
import type { Faults } from './faults.js';
import type { KubeObject } from './objects.js';
import type { Store } from './store.js';

/** A public name that leads to a port of a Service. */
export interface Route {
  publicName: string;
  namespace: string;
  service: string;
  port: number;
}

/** What the host cluster's IngressRouteTCPs, TLSRoutes and Ingresses with passthrough define. */
export function routesOf(store: Store): Route[] {
  return Object.entries(readers).flatMap(([resource, read]) =>
    store.list(resource).flatMap((object) =>
      read(object).map(([publicName, { name, port }]) => ({
        publicName,
        namespace: object.metadata.namespace!,
        service: name,
        port,
      })),
    ),
  );
}

/** The public names of a route, each with its Service. */
type Reader = (route: KubeObject) => [publicName: string, service: { name: string; port: number }][];

const readers: Record<string, Reader> = {
  'ingressroutetcps.traefik.io': ({ spec }) =>
    spec.tls?.passthrough
      ? spec.routes.map(({ match, services }: KubeObject) => [/HostSNI\([`"](.+?)[`"]\)/.exec(match)?.[1], services[0]])
      : [],
  'tlsroutes.gateway.networking.k8s.io': ({ spec }) =>
    spec.hostnames.map((hostname: string) => [hostname, spec.rules[0].backendRefs[0]]),
  'ingresses.networking.k8s.io': ({ spec, metadata }) =>
    metadata.annotations?.['nginx.ingress.kubernetes.io/ssl-passthrough'] === 'true'
      ? spec.rules.map(({ host, http }: KubeObject) => {
          const { name, port } = http.paths[0].backend.service;
          return [host, { name, port: port.number }];
        })
      : [],
};

/** The ingress controller: one port for all public names, which are distinguished by the name in the TLS handshake (SNI). */
export class Edge {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private readonly terminating: tls.Server;

  /** @param backendOf the port of 127.0.0.1 behind a public name */
  constructor(
    private readonly faults: Faults,
    private readonly backendOf: (name: string) => Promise<number | undefined>,
  ) {
    this.server = net.createServer((socket) => this.accept(socket));
    const own = createAuthority('edge').issueWithKey({ subject: { commonName: 'edge' }, subjectAltNames: ['*'] });
    this.terminating = tls.createServer(
      { cert: own.certificate, key: own.privateKey },
      (socket) => void this.terminate(socket).catch(() => socket.destroy()),
    );
    this.terminating.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  async listen(address: string): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, address, resolve));
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => socket.destroy());
    if (this.faults.is('tls-terminated')) this.terminating.emit('connection', socket);
    else this.passThrough(socket).catch(() => socket.destroy());
  }

  private async passThrough(socket: Socket): Promise<void> {
    let hello = Buffer.alloc(0);
    for (;;) {
      const chunk = (socket.read() as Buffer | null) ?? (await nextReadable(socket));
      if (chunk === undefined) return;
      hello = Buffer.concat([hello, chunk]);
      if (hello.length >= 5 && hello.length >= 5 + hello.readUInt16BE(3)) break;
    }
    const port = await this.backendOf(serverNameIn(hello) ?? '');
    if (port === undefined) return void socket.destroy();
    const backend = net.connect(port, '127.0.0.1');
    backend.write(hello);
    join(socket, backend);
  }

  /** The fault: terminates TLS here, and starts a new connection without the client certificate. */
  private async terminate(socket: tls.TLSSocket): Promise<void> {
    socket.on('error', () => socket.destroy());
    const servername = String(socket.servername || '');
    const port = await this.backendOf(servername);
    if (port === undefined) return void socket.destroy();
    join(socket, tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }));
  }
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const)
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
}

function nextReadable(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('readable', done).off('close', done);
      resolve(
        (socket.read() as Buffer | null) ?? (socket.destroyed || socket.readableEnded ? undefined : Buffer.alloc(0)),
      );
    };
    if (socket.destroyed) return resolve(undefined);
    socket.on('readable', done).on('close', done);
  });
}

/** The name in a ClientHello. @see https://datatracker.ietf.org/doc/html/rfc6066#section-3 */
function serverNameIn(hello: Buffer): string | undefined {
  try {
    if (hello[0] !== 22 || hello[5] !== 1) return undefined; // a handshake record that contains a ClientHello
    let at = 5 + 4 + 2 + 32;
    at += 1 + hello.readUInt8(at); // session
    at += 2 + hello.readUInt16BE(at); // cipher suites
    at += 1 + hello.readUInt8(at); // compression
    const end = at + 2 + hello.readUInt16BE(at);
    for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2))
      if (hello.readUInt16BE(at) === 0) return hello.toString('latin1', at + 9, at + 9 + hello.readUInt16BE(at + 7));
  } catch {
    // ends too early
  }
  return undefined;
}
