import type { IncomingMessage } from 'node:http';
import net, { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { KubeObject } from './objects.js';
import type { CommandResult, PodRuntime } from './pod-runtime.js';
import type { ResourceRequest } from './request.js';
import { badRequest, noSuchPath } from './status.js';
import type { Store } from './store.js';

/*
 * exec and port-forward over WebSockets: every message starts with a byte for the channel, followed by the data.
 * @see https://kubernetes.io/blog/2024/08/20/websockets-transition/
 */

const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;

const protocolsOf: Record<string, readonly string[]> = {
  exec: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  portforward: ['v4.channel.k8s.io'],
};

export const isStream = (subresource = ''): boolean => subresource in protocolsOf;

/** The cluster whose pods are at the other end. */
interface Pods {
  store: Store;
  runtime: PodRuntime;
}

/** A validated request for a stream. */
interface Stream {
  pod: KubeObject;
  container: string;
  protocols: readonly string[];
}

/** @throws StatusError if the stream, pod or container does not exist */
export function findStream(
  { store }: Pick<Pods, 'store'>,
  { kind, namespace, name, subresource = '', query }: ResourceRequest,
): Stream {
  const protocols = protocolsOf[subresource];
  if (kind.kind !== 'Pod' || !protocols) throw noSuchPath();
  const pod = store.get('pods', namespace, name);
  const container = query.get('container') ?? pod.spec.containers[0].name;
  if (!pod.spec.containers.some((one: { name: string }) => one.name === container))
    throw badRequest(`container ${container} is not valid for pod ${name}`);
  if (pod.status.phase !== 'Running') throw badRequest(`pod ${name} does not have a host assigned`);
  return { pod, container, protocols };
}

/** Answers an upgrade request. @throws StatusError before anything is sent */
export function serveStream(
  pods: Pods,
  request: ResourceRequest,
  message: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const { pod, container, protocols } = findStream(pods, request);
  const offered = (message.headers['sec-websocket-protocol'] ?? '').split(/, */);
  const protocol = protocols.find((one) => offered.includes(one));
  if (!protocol) throw badRequest(`the simulated cluster supports only WebSockets with ${protocols.join(' or ')}`);
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });
  server.handleUpgrade(message, socket, head, (webSocket) => {
    const fail = () => webSocket.terminate();
    webSocket.on('error', fail);
    const { query } = request;
    if (request.subresource === 'exec') exec(pods, pod, container, query.getAll('command'), webSocket).catch(fail);
    else portForward(pods, pod, query.getAll('ports').map(Number), webSocket).catch(fail);
  });
}

async function exec(
  { runtime }: Pods,
  pod: KubeObject,
  container: string,
  command: string[],
  webSocket: WebSocket,
): Promise<void> {
  if (command[0] === 'nc') return netcat(runtime, command, webSocket);
  const { stdout, stderr, exitCode } = await runtime.run(pod, container, command);
  if (stdout) webSocket.send(frame(channel.stdout, stdout));
  if (stderr) webSocket.send(frame(channel.stderr, stderr));
  webSocket.send(frame(channel.status, JSON.stringify(exitStatus(exitCode))));
  webSocket.close(1000);
}

/** Standard input and output of `nc ADDRESS PORT` are the connection. */
function netcat(runtime: PodRuntime, [, address = '', port]: string[], webSocket: WebSocket): void {
  const end = (exitCode: number) => {
    webSocket.send(frame(channel.status, JSON.stringify(exitStatus(exitCode))));
    webSocket.close(1000);
  };
  const serve = runtime.dial(address, Number(port));
  if (!serve) return end(1);
  const connection = new Duplex({
    read: () => webSocket.resume(),
    write: (chunk: Buffer, _encoding, done) => webSocket.send(frame(channel.stdout, chunk), done),
    final(done) {
      end(0);
      done();
    },
  });
  webSocket.on('message', (data: Buffer) => {
    if (data[0] === channel.stdin && !connection.push(data.subarray(1))) webSocket.pause();
  });
  webSocket.on('close', () => connection.destroy());
  serve(connection);
}

function exitStatus(exitCode: CommandResult['exitCode']): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** Each port has a channel for data and one for errors; both start with the port number. */
async function portForward({ runtime }: Pods, pod: KubeObject, ports: number[], webSocket: WebSocket): Promise<void> {
  const early: Buffer[] = [];
  const keep = (data: Buffer) => early.push(data);
  webSocket.on('message', keep);
  const connections = await Promise.all(ports.map((port, index) => connect(port, index)));
  webSocket.off('message', keep);
  const deliver = (data: Buffer) => connections[data[0]! / 2]?.write(data.subarray(1));
  early.forEach(deliver);
  webSocket.on('message', deliver);
  webSocket.on('close', () => connections.forEach((connection) => connection?.destroy()));

  async function connect(port: number, index: number): Promise<Socket | undefined> {
    const data = index * 2;
    const number = Buffer.from([port & 0xff, port >> 8]);
    webSocket.send(frame(data, number));
    webSocket.send(frame(data + 1, number));
    const local = await runtime.portOf(pod, port);
    if (local === undefined) {
      const why = `error forwarding port ${port} to pod ${pod.metadata.name}: connection refused`;
      webSocket.send(frame(data + 1, why));
      webSocket.close(1000);
      return undefined;
    }
    const connection = net.connect(local, '127.0.0.1');
    connection.on('data', (chunk) => {
      webSocket.send(frame(data, chunk), () => connection.resume());
      if (webSocket.bufferedAmount > 1_000_000) connection.pause();
    });
    connection.on('error', () => connection.destroy());
    connection.on('close', () => webSocket.close(1000));
    return connection;
  }
}

const frame = (to: number, data: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([to]), Buffer.from(data as string)]);
