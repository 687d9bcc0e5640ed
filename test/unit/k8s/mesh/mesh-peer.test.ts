import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { after, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import type { ApiCall, Cluster } from '../../../../src/k8s/client/cluster.js';
import { readMeshPeer } from '../../../../src/k8s/mesh/mesh-peer.js';
import { accessWith } from '../../../../src/k8s/client/server-access.js';
import { makeAuthority, makeCertificate } from '../../../support/certificates.js';

/* sleep's `nc` is a WebSocket to an exec that copies to a local port, as the API server would to a container. */

const { signal } = new AbortController();
const identity = 'spiffe://cluster.local/ns/sample/sa/default';
const authority = await makeAuthority('root');
const leaf = await makeCertificate(authority, 'helloworld', { uri: identity });
const closing: (() => unknown)[] = [];
after(() => closing.forEach((close) => close()));

const pod = (name: string, app: string, podIP: string) => ({
  metadata: { name, labels: { app } },
  status: { phase: 'Running', podIP, conditions: [{ type: 'Ready', status: 'True' }] },
});

/** A cluster whose pods have these addresses; `exec` connects to the port that `dial` names for an address. */
async function clusterOf(
  name: string,
  helloworld: string | undefined,
  root: string,
  dial: Record<string, number | undefined>,
) {
  const server = http.createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (webSocket, request) => {
    const [, ip = ''] = new URL(request.url!, 'http://x').searchParams.getAll('command');
    const port = dial[ip];
    if (port === undefined) return webSocket.close();
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (data) => webSocket.send(Buffer.concat([Buffer.of(1), data])));
    socket.on('close', () => webSocket.close()).on('error', () => webSocket.close());
    webSocket.on('message', (data: Buffer) => socket.write(data.subarray(1))).on('close', () => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => (sockets.clients.forEach((client) => client.terminate()), server.close()));
  const answer = ({ path, query }: ApiCall) => {
    if (path === '/api/v1')
      return {
        resources: ['Pod', 'Secret'].map((kind) => ({ kind, name: `${kind.toLowerCase()}s`, namespaced: true })),
      };
    if (path.includes('/secrets/'))
      return { metadata: { name: 'cacerts' }, data: { 'root-cert.pem': Buffer.from(root).toString('base64') } };
    if (String(query?.labelSelector).includes('sleep')) return { items: [pod('sleep-abc', 'sleep', '10.0.0.1')] };
    return { items: helloworld === undefined ? [] : [pod(`helloworld-${name}`, 'helloworld', helloworld)] };
  };
  const cluster: Cluster = {
    name,
    access: accessWith({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, { token: 'x' }),
    request: <Answer>(call: ApiCall) => Promise.resolve(answer(call) as Answer),
    discovered: new Map(),
    now: () => new Date(),
    close: () => undefined,
    with: () => cluster,
  };
  return cluster;
}

async function listen(server: net.Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const sidecar = () =>
  listen(
    tls.createServer(
      { cert: leaf.certificate, key: leaf.key, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['istio'] },
      (socket) => socket.on('error', () => undefined),
    ),
  );

async function peerOf({
  root = authority.certificate,
  dial,
}: {
  root?: string;
  dial: Record<string, number | undefined>;
}) {
  const cluster = await clusterOf('vc1', '10.0.0.2', root, dial);
  const other = await clusterOf('vc2', '10.0.1.2', root, {});
  return await readMeshPeer({ cluster, other, namespace: 'sample', signal });
}

describe('the peer in the other cluster', () => {
  test('shows its identity, signed under the own root', async () =>
    assert.deepEqual(await peerOf({ dial: { '10.0.1.2': await sidecar() } }), {
      pod: 'helloworld-vc2',
      isReached: true,
      identity,
      isOfRoot: true,
    }));

  test('with a certificate of another root is told apart', async () => {
    const { certificate: root } = await makeAuthority('other');
    const peer = await peerOf({ root, dial: { '10.0.1.2': await sidecar() } });
    assert.deepEqual([peer?.isReached, peer?.isOfRoot], [true, false]);
  });

  test('without a sidecar is reached, and shows no identity', async () => {
    const port = await listen(net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const peer = await peerOf({ dial: { '10.0.1.2': port } });
    assert.deepEqual([peer?.isReached, peer?.identity], [true, undefined]);
    assert.notEqual(peer?.problem, undefined);
  });

  test('that does not answer is not reached, where a pod of the own cluster is', async () => {
    const peer = await peerOf({ dial: { '10.0.0.2': await sidecar() } });
    assert.equal(peer?.isReached, false);
  });

  test('is left open where raw connections are not let out at all', async () =>
    assert.equal((await peerOf({ dial: {} }))?.isReached, undefined));
});
