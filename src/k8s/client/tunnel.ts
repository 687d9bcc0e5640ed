import net from 'node:net';
import { openChannels, type Channels } from './channels.js';
import type { Cluster } from './cluster.js';

/** A port on the loopback interface that is forwarded to a port of a pod. */
export interface Tunnel {
  port: number;
  close(): void;
}

const channel = { data: 0, error: 1 } as const;

/**
 * Forwards a local port to a pod, with one WebSocket per connection, as `kubectl port-forward` does. Each connection looks
 * up the pod again, because it may have been replaced; a connection that comes too early is reset.
 */
export async function openTunnel(
  cluster: Cluster,
  namespace: string,
  podOf: () => Promise<string>,
  podPort: number,
): Promise<Tunnel> {
  const pathTo = (pod: string) =>
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward?ports=${podPort}`;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    podOf()
      .then((pod) => forward(cluster, pathTo(pod), socket))
      .catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    port: portOf(server),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tunnel has no port');
  return address.port;
}

/** Copies data in both directions, no faster than the receiving side accepts it. */
async function forward(cluster: Cluster, path: string, socket: net.Socket): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const begun = new Set<number>();
  const opened: { channels?: Channels } = {};
  const onData = (from: number, data: Buffer) => {
    // The first message of each channel contains the port number.
    const content = begun.has(from) ? data : data.subarray(2);
    begun.add(from);
    if (content.length === 0) return;
    if (from === channel.error) return void socket.destroy();
    if (from === channel.data && !socket.write(content)) opened.channels?.pause();
  };
  const channels = await openChannels(
    cluster,
    path,
    ['v4.channel.k8s.io'],
    { onData, onEnd: () => socket.destroy() },
    gone.signal,
  );
  opened.channels = channels;
  socket.on('drain', () => channels.resume());
  for await (const chunk of socket) await channels.send(channel.data, chunk);
  channels.close();
}
