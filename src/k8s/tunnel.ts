import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { PortForward, type KubeConfig } from '@kubernetes/client-node';
import type WebSocket from 'isomorphic-ws';
import { messageOf } from '../errors.js';

/** A port of this machine's loopback interface that leads to a port of a pod. */
export interface Tunnel {
  port: number;
  /** Why the last connection through it failed, if it did. */
  lastProblem(): string | undefined;
  close(): void;
}

/**
 * Forwards a local port to a pod's, one WebSocket a connection, as `kubectl port-forward` does.
 * Each connection asks for the pod anew, as another may have replaced it; one made too early is reset.
 */
export async function openTunnel(
  kubeConfig: KubeConfig,
  namespace: string,
  podOf: () => Promise<string>,
  podPort: number,
): Promise<Tunnel> {
  const forward = new PortForward(kubeConfig);
  const sockets = new Set<net.Socket>();
  let problem: string | undefined;

  const server = net.createServer((socket) => {
    sockets.add(socket);
    let webSocket: WebSocket.WebSocket | undefined;
    const close = () => {
      sockets.delete(socket);
      webSocket?.close();
    };
    socket.on('close', close).on('error', close);
    podOf()
      .then((pod) => forward.portForward(namespace, pod, [podPort], socket, null, socket))
      .then((opened) => {
        webSocket = opened as WebSocket.WebSocket;
        webSocket.onclose = () => socket.destroy();
        webSocket.onerror = () => socket.destroy();
        if (socket.destroyed) webSocket.close();
        problem = undefined;
      })
      .catch((error: unknown) => {
        problem = messageOf(error);
        socket.destroy();
      });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    lastProblem: () => problem,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
