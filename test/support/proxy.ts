import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A network between a client and servers on this machine, with what can go wrong there. */
export interface Proxy {
  port: number;
  /** Where connections that are made from now on lead to; those that exist stay where they are. */
  leadTo(port: number): void;
  /** Whatever is said takes so long, in each direction. */
  delay(ms: number): void;
  /** Connections that exist stay open and carry nothing any more, as when a firewall has forgotten them. */
  forget(): void;
  /** From what the server says; the replacement has the same length. */
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
      // One after the other, whatever the delay is meanwhile.
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
