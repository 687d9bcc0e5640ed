import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { openChannels, type Channels } from './channels.js';
import type { Cluster } from './cluster.js';

/** A port of this machine's loopback interface that leads to a port of a pod. */
export interface Tunnel {
  port: number;
  close(): void;
}

const channel = { data: 0, error: 1 } as const;

/**
 * Forwards a local port to a pod's, one WebSocket a connection, as `kubectl port-forward` does.
 * Each connection asks for the pod anew, as another may have replaced it; one made too early is reset.
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
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Carries what comes on either side to the other, no faster than that takes it. */
async function forward(cluster: Cluster, path: string, socket: net.Socket): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const begun = new Set<number>();
  let channels = undefined as Channels | undefined;
  const onData = (from: number, data: Buffer) => {
    // The first message of each channel has the number of the port.
    const content = begun.has(from) ? data : data.subarray(2);
    begun.add(from);
    if (content.length === 0) return;
    if (from === channel.error) return void socket.destroy();
    if (from === channel.data && !socket.write(content)) channels?.pause();
  };
  const opened = (channels = await openChannels(
    cluster,
    path,
    ['v4.channel.k8s.io'],
    { onData, onEnd: () => socket.destroy() },
    gone.signal,
  ));
  socket.on('drain', () => opened.resume());
  for await (const chunk of socket) await opened.send(channel.data, chunk as Buffer);
  opened.close();
}
