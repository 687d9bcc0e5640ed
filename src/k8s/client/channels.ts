import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { messageOf } from '../../errors.js';
import { headersOf, tlsOptions } from './transport.js';
import { ApiError, isUnauthorized } from './api-errors.js';
import type { Cluster } from './cluster.js';
import type { Credential } from './server-access.js';

/** A WebSocket of the Kubernetes API on which each message starts with the number of its channel. */
export interface Channels {
  /** Resolves when the message has been written. */
  send(channel: number, data: Buffer): Promise<void>;
  /** Stops receiving messages until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

interface ChannelHandlers {
  onData(channel: number, data: Buffer): void;
  /** Called once, when a connection that was open has ended. */
  onEnd(reason: string): void;
}

/** Longer messages close the connection; Kubernetes sends at most 32 KB at a time. */
const longestMessage = 1_000_000;
const handshakeTimeoutMs = 15_000;
const longestRefusal = 64_000;

/**
 * Opens channels to a container or a port.
 * @throws ApiError if the API refuses; UserError if signing in fails; Error if there is no connection
 * @see https://pkg.go.dev/k8s.io/apimachinery/pkg/util/remotecommand
 */
export async function openChannels(
  cluster: Cluster,
  path: string,
  protocols: string[],
  { onData, onEnd }: ChannelHandlers,
  signal: AbortSignal,
): Promise<Channels> {
  const { access } = cluster;
  const open = (credential: Credential) => openAs(credential, { cluster, path, protocols, onData, onEnd, signal });
  const credential = await access.signIn(signal);
  try {
    return await open(credential);
  } catch (error) {
    // As for other requests: what was cached may have expired or been revoked.
    if (!isUnauthorized(error)) throw error;
    return await open(await access.signIn(signal, credential));
  }
}

interface Opening extends ChannelHandlers {
  cluster: Cluster;
  path: string;
  protocols: string[];
  signal: AbortSignal;
}

function openAs(
  credential: Credential,
  { cluster, path, protocols, onData, onEnd, signal }: Opening,
): Promise<Channels> {
  const { access } = cluster;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const webSocket = new WebSocket(access.server.url.replace(/^http/, 'ws') + path, protocols, {
      ...tlsOptions(access.server, credential),
      agent: cluster.agent,
      headers: headersOf(access, credential),
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: longestMessage,
      perMessageDeflate: false,
    });
    const abort = () => webSocket.terminate();
    signal.addEventListener('abort', abort, { once: true });
    let reason = 'the connection was closed';
    let isOpen = false;
    webSocket
      .on('message', (data: Buffer) => {
        const [channel] = data;
        if (channel !== undefined) onData(channel, data.subarray(1));
      })
      .on('unexpected-response', (_request, response) => {
        void refusalIn(response).then((body) => {
          const call = `GET ${path.split('?')[0]}`;
          reject(ApiError.from(cluster.name, call, response.statusCode ?? 0, body));
          webSocket.terminate();
        });
      })
      .on('error', (error) => {
        reason = messageOf(error);
        reject(error);
      })
      .on('close', () => {
        signal.removeEventListener('abort', abort);
        reject(new Error(reason));
        if (isOpen) onEnd(reason);
      })
      .on('open', () => {
        isOpen = true;
        resolve({
          send: (channel, data) =>
            new Promise((sent, failed) =>
              webSocket.send(Buffer.concat([Buffer.of(channel), data]), (error) => (error ? failed(error) : sent())),
            ),
          pause: () => webSocket.pause(),
          resume: () => webSocket.resume(),
          close: () => webSocket.terminate(),
        });
      });
  });
}

async function refusalIn(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += String(chunk);
      if (text.length > longestRefusal) break;
    }
  } catch {
    // What came until then is all there is to say.
  }
  return text;
}
