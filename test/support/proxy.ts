import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A network between a client and servers on this machine, with the faults of real networks. */
interface Proxy {
  port: number;
  /** Sets the destination of new connections; existing ones are unaffected. */
  leadTo(port: number): void;
  /** Delays all data by that long, in each direction. */
  delay(ms: number): void;
  /** Existing connections stay open but no longer carry data, as when a firewall has dropped their state. */
  forget(): void;
  /** Replaces text in what the server sends; the replacement must have the same length. */
  rewrite(pattern: RegExp, replacement: string): void;
  close(): void;
}

export async function startProxy(target: number): Promise<Proxy> {
  let port = target;
  let delayMs = 0;
  let alter = (chunk: Buffer) => chunk;
  const pairs = new Set<{ sockets: Socket[]; isForgotten: boolean }>();

  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    const pair = { sockets: [client, upstream], isForgotten: false };
    pairs.add(pair);
    const carry = (from: Socket, to: Socket, change: (chunk: Buffer) => Buffer) => {
      // In order, even if the delay changes meanwhile.
      let last = Promise.resolve();
      const inTurn = (act: () => void) => {
        const due = performance.now() + delayMs;
        last = last.then(async () => {
          const left = due - performance.now();
          if (left > 0) await sleep(left);
          if (!pair.isForgotten) act();
        });
      };
      from.on('data', (chunk) => inTurn(() => to.write(change(chunk))));
      from.on('end', () => inTurn(() => to.end()));
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!pair.isForgotten) inTurn(() => to.destroy());
        pairs.delete(pair);
      });
    };
    carry(client, upstream, (chunk) => chunk);
    carry(upstream, client, (chunk) => alter(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (to) => void (port = to),
    delay: (ms) => void (delayMs = ms),
    forget() {
      for (const pair of pairs) pair.isForgotten = true;
    },
    rewrite(pattern, replacement) {
      alter = (chunk) => Buffer.from(chunk.toString('latin1').replace(pattern, replacement), 'latin1');
    },
    close() {
      server.close();
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
    },
  };
}
