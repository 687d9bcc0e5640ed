import { Duplex } from 'node:stream';
import { openChannels, type Channels } from './channels.js';
import type { Cluster } from './cluster.js';
import { execPath, type ExecTarget } from './exec.js';

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { stdin: 0, stdout: 1 } as const;

/**
 * Starts a command in a container; what is written to the stream is its standard input, and what can be read its standard
 * output. The stream ends with the command, and its end or the signal's ends the command.
 * @throws what `openChannels` throws
 */
export async function openExecStream(
  cluster: Cluster,
  target: ExecTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  const over = new AbortController();
  const opened: { channels?: Channels } = {};
  const stream = new Duplex({
    read: () => opened.channels?.resume(),
    write(chunk: Buffer, _encoding, done) {
      if (!opened.channels) return done(new Error('the command has not been started yet'));
      opened.channels.send(channel.stdin, chunk).then(() => done(), done);
    },
    destroy(error, done) {
      over.abort();
      done(error);
    },
  });
  opened.channels = await openChannels(
    cluster,
    execPath(target, command, { stdin: true }),
    protocols,
    {
      onData(from, data) {
        if (from === channel.stdout && !stream.push(data)) opened.channels?.pause();
      },
      onEnd: () => stream.push(null),
    },
    AbortSignal.any([signal, over.signal]),
  );
  return stream;
}
