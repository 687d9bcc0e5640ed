import { Writable } from 'node:stream';
import { Exec, type V1Status } from '@kubernetes/client-node';
import { messageOf } from '../errors.js';
import { shorten } from '../redact.js';
import type { Cluster } from './cluster.js';

export interface ExecTarget {
  namespace: string;
  pod: string;
  container: string;
}

/**
 * Runs a command in a container and answers with what it wrote to standard output.
 * Settles on the command's status, on the end of the connection, or after `withinMs`: client-node's own promise may never.
 * @throws Error with the exit status and the end of standard error.
 */
export async function execInPod(
  cluster: Cluster,
  { namespace, pod, container }: ExecTarget,
  command: string[],
  { withinMs, signal, stdin }: { withinMs: number; signal: AbortSignal; stdin?: NodeJS.ReadableStream },
): Promise<string> {
  const stdout = new Collector();
  const stderr = new Collector();
  const what = `${command[0]} in ${namespace}/${pod} of ${cluster.name}`;
  const deadline = AbortSignal.timeout(withinMs);
  const ended = AbortSignal.any([signal, deadline]);
  let close = () => {};
  try {
    const status = await new Promise<V1Status>((resolve, reject) => {
      ended.addEventListener('abort', () => reject(new Error(`${what} did not end within ${withinMs / 1000} s`)), {
        once: true,
      });
      new Exec(cluster.kubeConfig)
        .exec(namespace, pod, container, command, stdout, stderr, (stdin ?? null) as never, false, resolve)
        .then((socket) => {
          close = () => socket.close();
          socket.onclose = () => reject(new Error(`${what}: the connection ended before the command did`));
          socket.onerror = (event) => reject(new Error(`${what}: ${event.message}`));
        })
        .catch((error: unknown) => reject(new Error(`${what} could not be started: ${messageOf(error)}`)));
    });
    if (status.status === 'Success') return stdout.text();
    throw new Error(`${what} failed: ${shorten(`${status.message ?? ''} ${stderr.text()}`, 300)}`);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    close();
  }
}

class Collector extends Writable {
  private readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}
