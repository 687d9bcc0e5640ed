import * as z from 'zod';
import { costOf } from '../../bytes.js';
import { parseJson } from '../../json.js';
import { messageOf } from '../../errors.js';
import { shorten } from '../../redact.js';
import { ApiError, ConnectionLost, isPassing, TooMuchError } from './api-errors.js';
import { openChannels } from './channels.js';
import type { Cluster } from './cluster.js';

export interface ExecTarget {
  namespace: string;
  pod: string;
  container: string;
}

export interface ExecOptions {
  withinMs: number;
  signal: AbortSignal;
  /** The limit for standard output; a command that writes more is abandoned. */
  maxBytes?: number;
}

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { stdout: 1, stderr: 2, status: 3 } as const;

/** What the API reports at the end, as a Status. */
const commandStatus = z.object({ status: z.string(), message: z.string().default('') });

/**
 * Runs a command in a container and returns its standard output.
 * Settles on the command's status, on the end of the connection, or after `withinMs`.
 * @throws Error with the exit status and the end of standard error; TooMuchError
 */
export async function execInPod(
  cluster: Cluster,
  target: ExecTarget,
  command: string[],
  { withinMs, signal, maxBytes = 1_000_000 }: ExecOptions,
): Promise<string> {
  const { namespace, pod } = target;
  const what = `${command[0]} in ${namespace}/${pod} of ${cluster.name}`;
  const deadline = AbortSignal.timeout(withinMs);
  const ended = AbortSignal.any([signal, deadline]);
  const path = execPath(target, command);
  const chunks: Buffer[] = [];
  let cost = 0;
  let said = '';
  const done = new AbortController();
  try {
    const status = await new Promise<z.output<typeof commandStatus>>((resolve, reject) => {
      const onData = (from: number, data: Buffer) => {
        if (from === channel.stdout) {
          chunks.push(data);
          cost += costOf(data);
          if (cost > maxBytes) reject(new TooMuchError(`the output of ${what}`, `${maxBytes / 1000} KB`));
        } else if (from === channel.stderr) said = (said + data.toString('utf8')).slice(-4000);
        else if (from === channel.status) {
          const parsed = statusIn(data);
          if (parsed) resolve(parsed);
          else reject(new Error(`${what}: the API did not report how it ended`));
        }
      };
      const onEnd = (reason: string) => reject(new ConnectionLost(`${what}: ${reason} before the command finished`));
      openChannels(cluster, path, protocols, { onData, onEnd }, AbortSignal.any([ended, done.signal])).catch(
        (error: unknown) => {
          const message = `${what} could not be started: ${messageOf(error)}`;
          const isLost = !(error instanceof ApiError) || isPassing(error);
          reject(isLost ? new ConnectionLost(message, { cause: error }) : new Error(message, { cause: error }));
        },
      );
    });
    if (status.status === 'Success') return Buffer.concat(chunks).toString('utf8');
    throw new Error(`${what} failed: ${shorten(`${status.message} ${said}`, 300)}`);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) throw new Error(`${what} did not finish within ${withinMs / 1000} s`, { cause: error });
    throw error;
  } finally {
    done.abort();
  }
}

/** Where a command is started in a container, without a terminal. */
export function execPath(
  { namespace, pod, container }: ExecTarget,
  command: readonly string[],
  { stdin = false } = {},
): string {
  const query = new URLSearchParams({ ...(stdin && { stdin: 'true' }), stdout: 'true', stderr: 'true', container });
  for (const word of command) query.append('command', word);
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query}`;
}

const statusIn = (data: Buffer): z.output<typeof commandStatus> | undefined =>
  commandStatus.safeParse(parseJson(data.toString('utf8'))).data;
