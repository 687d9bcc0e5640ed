import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { accessWith, type Access } from '../../../../src/k8s/client/server-access.js';
import { ApiError } from '../../../../src/k8s/client/api-errors.js';
import { connectCluster } from '../../../../src/k8s/client/cluster.js';
import { execInPod, type ExecOptions } from '../../../../src/k8s/client/exec.js';
import { startApiStub } from '../../../support/api-stub.js';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

const target = { namespace: 'n', pod: 'p', container: 'c' };
const frame = (channel: number, data: string | Buffer) => Buffer.concat([Buffer.of(channel), Buffer.from(data)]);
const success = frame(3, '{"status":"Success"}');

/** Runs a command in a pod, on an API that behaves as the test defines. */
async function execWhere(
  behaviour: (socket: WebSocket, url: string) => void,
  options: Partial<ExecOptions> = {},
): Promise<string> {
  const stub = await startApiStub((_request, response) => response.end());
  const sockets = new WebSocketServer({ server: stub.server, handleProtocols: () => 'v5.channel.k8s.io' });
  sockets.on('connection', (socket, { url = '' }) => {
    socket.on('error', () => undefined);
    behaviour(socket, url);
  });
  const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
  const cluster = connectCluster('vc1', access);
  closing.push(() => (cluster.close(), stub.close()));
  const { signal } = new AbortController();
  return await execInPod(cluster, target, ['sh', '-c', 'echo a b'], { withinMs: 20_000, signal, ...options });
}

describe('a command in a pod', () => {
  test('returns its output', async () => {
    let asked = '';
    const output = await execWhere((socket, url) => {
      asked = url;
      socket.send(frame(1, 'one '));
      socket.send(frame(2, 'a warning'));
      socket.send(frame(1, 'two'));
      socket.send(success);
    });
    assert.equal(output, 'one two');
    assert.equal(
      asked,
      '/api/v1/namespaces/n/pods/p/exec?stdout=true&stderr=true&container=c&command=sh&command=-c&command=echo+a+b',
    );
  });

  test('is started with new credentials if the API does not accept the cached ones any more', async () => {
    const stub = await startApiStub((_request, response) => response.end());
    const asked: (string | undefined)[] = [];
    const sockets = new WebSocketServer({
      server: stub.server,
      handleProtocols: () => 'v5.channel.k8s.io',
      verifyClient: ({ req }: { req: IncomingMessage }, done: (ok: boolean, code?: number) => void) => {
        asked.push(req.headers.authorization);
        done(req.headers.authorization === 'Bearer new', 401);
      },
    });
    sockets.on('connection', (socket) => socket.send(success));
    const refused: unknown[] = [];
    const access: Access = {
      ...accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 'x' }),
      signIn: (_signal, rejected) => {
        refused.push(rejected);
        return Promise.resolve({ headers: { authorization: `Bearer ${rejected ? 'new' : 'old'}` } });
      },
    };
    const cluster = connectCluster('vc1', access);
    closing.push(() => (cluster.close(), stub.close()));
    const { signal } = new AbortController();
    assert.equal(await execInPod(cluster, target, ['true'], { withinMs: 20_000, signal }), '');
    assert.deepEqual(asked, ['Bearer old', 'Bearer new']);
    assert.equal(refused.length, 2);
  });

  test('reports its status and the end of its output if it fails', async () => {
    const failing = execWhere((socket) => {
      socket.send(frame(2, 'why'));
      socket.send(frame(3, '{"status":"Failure","message":"exit code 7"}'));
    });
    await assert.rejects(failing, /sh in n\/p of vc1 failed: exit code 7 why/);
  });

  test('is abandoned if it writes more than the limit', async () => {
    let closed = () => {};
    const isClosed = new Promise<void>((resolve) => (closed = resolve));
    const flooding = execWhere(
      (socket) => {
        socket.on('close', closed);
        const flood = () => socket.readyState === socket.OPEN && socket.send(frame(1, 'x'.repeat(10_000)), flood);
        flood();
      },
      { maxBytes: 50_000 },
    );
    await assert.rejects(flooding, /The output of sh in n\/p of vc1 exceeds 50 KB/);
    await isClosed;
  });

  test('is abandoned if it writes very many small messages, which take more memory than their bytes', async () => {
    const flooding = execWhere(
      (socket) => {
        for (let sent = 0; sent < 1000; sent++) socket.send(frame(1, 'x'));
        socket.send(success);
      },
      { maxBytes: 50_000 },
    );
    await assert.rejects(flooding, /The output of sh in n\/p of vc1 exceeds 50 KB/);
  });

  test('is abandoned if a message is too long', async () => {
    const message = Buffer.alloc(2_000_000, 'x');
    await assert.rejects(
      execWhere((socket) => socket.send(frame(1, message))),
      /sh in n\/p of vc1: Max payload size exceeded/,
    );
  });

  test('does not crash the worker if the API sends garbage', async () => {
    const output = await execWhere((socket) => {
      socket.send('\u00ff\u0001');
      socket.send(Buffer.of(255, 1));
      socket.send(frame(9, 'an unknown channel'));
      socket.send(Buffer.alloc(0));
      socket.send(frame(1, 'out'));
      socket.send(success);
    });
    assert.equal(output, 'out');
    await assert.rejects(
      execWhere((socket) => socket.send(frame(3, 'no JSON'))),
      /the API did not report how it ended/,
    );
  });

  test('reports a connection that ends before the command', async () => {
    await assert.rejects(
      execWhere((socket) => socket.terminate()),
      /the connection was closed before the command finished/,
    );
  });

  test('ends at its deadline', async () => {
    await assert.rejects(
      execWhere(() => undefined, { withinMs: 500 }),
      /sh in n\/p of vc1 did not finish within 0\.5 s/,
    );
  });

  test('ends with the job', async () => {
    const ending = new AbortController();
    const running = execWhere(() => ending.abort(new Error('the worker is stopping')), { signal: ending.signal });
    await assert.rejects(running, /the worker is stopping/);
  });

  test('is refused with the message of the API', async () => {
    const stub = await startApiStub((_request, response) => response.end());
    closing.push(() => stub.close());
    const body = JSON.stringify({ message: 'pods "p" is forbidden: User "w" cannot create resource "pods/exec"' });
    stub.server.on('upgrade', (_request, socket) =>
      socket.end(`HTTP/1.1 403 Forbidden\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
    );
    const access = accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate }, { token: 't' });
    const { signal } = new AbortController();
    const refused = execInPod(connectCluster('vc1', access), target, ['true'], { withinMs: 20_000, signal });
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, /could not be started: vc1: pods "p" is forbidden: .* \(GET .*\/exec: 403\)/);
      return error.cause instanceof ApiError;
    });
  });
});
