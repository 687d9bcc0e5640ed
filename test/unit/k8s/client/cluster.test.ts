import assert from 'node:assert/strict';
import http from 'node:http';
import type { V1Secret } from '@kubernetes/client-node';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { accessWith, type Access, type Server } from '../../../../src/k8s/client/server-access.js';
import { mostParts } from '../../../../src/json.js';
import { ApiError, isPassing, TooMuchError, UnreachableError } from '../../../../src/k8s/client/api-errors.js';
import { connectCluster, type ApiCall, type Cluster, type ClusterOptions } from '../../../../src/k8s/client/cluster.js';
import { ref } from '../../../../src/k8s/client/manifest.js';
import { inTurn, sendJson, startApiStub, status, type Answering, type ApiStub } from '../../../support/api-stub.js';
import { makeAuthority, makeCertificate, type Pair } from '../../../support/certificates.js';
import { create } from '../../../support/answers.js';

const ok: Answering = (_request, response) => sendJson(response, 200, { ok: true });
const reset: Answering = (request) => request.socket.destroy();
const silence: Answering = () => undefined;

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function stubWith(answering: Answering, pair?: Pair): Promise<ApiStub> {
  const stub = await startApiStub(answering, pair);
  closing.push(() => stub.close());
  return stub;
}

function connect(access: Access, options?: ClusterOptions, name = 'host'): Cluster {
  const cluster = connectCluster(name, access, options);
  closing.push(() => cluster.close());
  return cluster;
}

const accessTo = (stub: ApiStub, more: Partial<Server> = {}) =>
  accessWith({ url: stub.url, certificateAuthority: stub.authority.certificate, ...more }, { token: 't' });

async function clusterWith(
  answering: Answering,
  options?: ClusterOptions,
): Promise<{ stub: ApiStub; cluster: Cluster }> {
  const stub = await stubWith(answering);
  return { stub, cluster: connect(accessTo(stub), options) };
}

const get: ApiCall = { method: 'GET', path: '/x' };

async function failureOf<Kind extends Error>(
  work: Promise<unknown>,
  kind: new (...parameters: never[]) => Kind,
): Promise<Kind> {
  const error: unknown = await work.then(
    () => assert.fail('did not fail'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof kind, String(error));
  return error;
}

describe('a request to Kubernetes', () => {
  test('is repeated until it is answered', async () => {
    const { stub, cluster } = await clusterWith(
      inTurn(status(500, 'etcdserver: leader changed'), reset, status(503), ok),
    );
    assert.deepEqual(await cluster.request(get), { ok: true });
    assert.equal(stub.asked.length, 4);
  });

  test('is not repeated before the API allows it', async () => {
    const { stub, cluster } = await clusterWith(status(429, 'too many requests', { 'retry-after': '60' }));
    const error = await failureOf(cluster.request({ method: 'POST', path: '/x', body: {} }), ApiError);
    assert.equal(error.retryAfterMs, 60_000);
    assert.equal(stub.asked.length, 1);
  });

  test('is repeated on a new connection when one has become silent', async () => {
    const { stub, cluster } = await clusterWith(inTurn(silence, ok));
    assert.deepEqual(await cluster.request({ ...get, withinMs: 2000 }), { ok: true });
    assert.equal(stub.asked.length, 2);
  });

  test('fails at its deadline with the last reason', async () => {
    const { cluster } = await clusterWith(status(500, 'etcdserver: leader changed'));
    const error = await failureOf(cluster.request({ ...get, withinMs: 3000 }), ApiError);
    assert.match(error.message, /etcdserver: leader changed/);
  });

  test('ends with the job', async () => {
    const ending = new AbortController();
    const { cluster } = await clusterWith(
      (request, response) => {
        ending.abort(new Error('the worker is stopping'));
        status(500)(request, response);
      },
      { signal: ending.signal },
    );
    await assert.rejects(cluster.request(get), /the worker is stopping/);
  });

  test('checks the claim before each attempt that writes', async () => {
    let checks = 0;
    const beforeWrite = () => {
      if (++checks === 3) throw new Error('the claim is lost');
    };
    const { stub, cluster } = await clusterWith(status(500), { beforeWrite });
    await assert.rejects(cluster.request({ method: 'PATCH', path: '/x', body: {} }), /the claim is lost/);
    assert.equal(stub.asked.length, 2);
  });

  test('is not repeated if it may have arrived and is not safe to repeat', async () => {
    const { stub, cluster } = await clusterWith(inTurn(reset, ok));
    await failureOf(cluster.request({ method: 'POST', path: '/x', body: {} }), UnreachableError);
    assert.equal(stub.asked.length, 1);
  });

  test('is sent once if the caller retries itself', async () => {
    const { stub, cluster } = await clusterWith(status(503));
    await failureOf(cluster.request({ ...get, repeat: 'never' }), ApiError);
    assert.equal(stub.asked.length, 1);
  });

  test('is retried once with a new credential if the credential is refused', async () => {
    const tokens: (string | undefined)[] = [];
    const stub = await stubWith((request, response) => {
      tokens.push(request.headers.authorization);
      (tokens.length === 1 ? status(401) : ok)(request, response);
    });
    let issued = 0;
    const signIn: Access['signIn'] = () => Promise.resolve({ headers: { authorization: `Bearer ${++issued}` } });
    assert.deepEqual(await connect({ ...accessTo(stub), signIn }).request(get), { ok: true });
    assert.deepEqual(tokens, ['Bearer 1', 'Bearer 2']);
  });

  for (const [what, code] of [
    ['a login page', 200],
    ['a redirect to one', 302],
  ] as const)
    test(`says that something else answers in place of the API, and what to check (${what})`, async () => {
      const { cluster } = await clusterWith((_request, response) =>
        response.writeHead(code, { 'content-type': 'text/html' }).end('<html><title>Please log in</title></html>'),
      );
      const { message, hint } = await failureOf(cluster.request({ ...get, repeat: 'never' }), UnreachableError);
      assert.match(
        message,
        /a web page came back instead of an answer from Kubernetes: Please log in \(GET \/x: \d+\)/,
      );
      assert.match(hint, /in front of the API.*check the server in the worker's kubeconfig.*NO_PROXY/);
    });

  test('fails if it stays refused', async () => {
    const { stub, cluster } = await clusterWith(status(401, 'Unauthorized'));
    assert.equal((await failureOf(cluster.request(get), ApiError)).status, 401);
    assert.deepEqual(stub.asked, ['GET /x', 'GET /x', 'GET /readyz', 'GET /readyz', 'GET /x']);
  });

  for (const [what, refusal] of [
    [
      'roles',
      status(403, 'configmaps is forbidden: User "system:serviceaccount:v:worker" cannot get resource "configmaps"'),
    ],
    ['accounts', status(401, 'Unauthorized')],
  ] as const)
    test(`waits until a server that has just started has read ${what}`, async () => {
      let isReady = false;
      const { stub, cluster } = await clusterWith((request, response) => {
        const isReadiness = request.url === '/readyz';
        const answering = isReady ? ok : isReadiness ? status(500, '[-]informer-sync failed') : refusal;
        isReady ||= stub.asked.filter((asked) => asked === 'GET /readyz').length === 2;
        answering(request, response);
      });
      assert.deepEqual(await cluster.request({ ...get, method: 'POST' }), { ok: true });
      assert.equal(stub.asked.filter((asked) => asked === 'GET /readyz').length, 3);
    });

  test('waits until admission has started', async () => {
    const notReady = status(403, 'pods "x" is forbidden: not yet ready to handle request');
    const { cluster } = await clusterWith(inTurn(notReady, ok));
    assert.deepEqual(await cluster.request({ ...get, method: 'POST' }), { ok: true });
  });

  test('is refused at once by a policy, which stays', async () => {
    const { stub, cluster } = await clusterWith(status(403, 'pods "x" is forbidden: violates PodSecurity'));
    await failureOf(cluster.request(get), ApiError);
    assert.equal(stub.asked.length, 1);
  });

  test('does not sign in for longer than its deadline', async () => {
    const stub = await stubWith(ok);
    const signIn: Access['signIn'] = (signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    await assert.rejects(connect({ ...accessTo(stub), signIn }).request({ ...get, withinMs: 300 }), /timeout/i);
  });

  test('does not read an endless answer', async () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    let sent = 0;
    const { stub, cluster } = await clusterWith((_request, response) => {
      const write = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', write).on('error', () => undefined);
      write();
    });
    const error = await failureOf(cluster.request(get), TooMuchError);
    assert.match(error.message, /^The answer to GET \/x exceeds 16 MB/);
    assert.equal(stub.asked.length, 1);
    assert.ok(sent < 40_000_000);
  });

  test('does not read an answer of very many small parts, which take more memory than their bytes', async () => {
    const { cluster } = await clusterWith((_request, response) => {
      for (let sent = 0; sent < 1000; sent++) response.write(' ');
      response.end('{}');
    });
    await failureOf(cluster.request({ ...get, budget: { bytes: 50_000 } }), TooMuchError);
  });

  test('does not parse an answer of very many objects, which take more memory than their text', async () => {
    const { cluster } = await clusterWith((_request, response) => {
      response.end(`{"items":[${Array(mostParts).fill('{}').join()}]}`);
    });
    const error = await failureOf(cluster.request(get), TooMuchError);
    assert.match(error.message, /^The answer to GET \/x exceeds 300000 parts/);
  });

  test('says if something other than Kubernetes answered', async () => {
    for (const [code, body, says] of [
      [200, '<html>', /: a web page came back instead of an answer from Kubernetes \(GET \/x: 200\)/],
      [200, 'pong', /: the answer is not JSON \(GET \/x: 200\)/],
      [200, '', /: the answer is empty \(GET \/x: 200\)/],
      [204, '', /: the answer is empty \(GET \/x: 204\)/],
      [302, '', /: a redirect came back instead of an answer from Kubernetes \(GET \/x: 302\)/],
      [
        404,
        '<title>default backend',
        /: a web page came back instead of an answer from Kubernetes: default backend \(/,
      ],
      [
        404,
        '404 page not found\n',
        /: something else came back instead of an answer from Kubernetes: 404 page not found \(/,
      ],
      [404, '{"type":"error"}', /: something else came back instead of an answer from Kubernetes: {"type":"error"} \(/],
    ] as const) {
      const { cluster } = await clusterWith((_request, response) => response.writeHead(code).end(body));
      const error = await failureOf(cluster.request({ ...get, repeat: 'never' }), UnreachableError);
      assert.match(error.message, says);
      assert.match(error.hint, /in front of the API/);
    }
  });

  test('may be that Kubernetes does not serve a group of others, which it says in plain text', async () => {
    const { cluster, stub } = await clusterWith((_request, response) =>
      response.writeHead(404).end('404 page not found\n'),
    );
    const once = (path: string): ApiCall => ({ method: 'GET', path, repeat: 'never' });
    for (const path of ['/apis/networking.istio.io/v1', '/apis/gateway.networking.k8s.io/v1'])
      assert.equal((await failureOf(cluster.request(once(path)), ApiError)).status, 404);
    for (const path of [
      '/api/v1',
      '/apis',
      '/apis/apps/v1',
      '/apis/coordination.k8s.io/v1',
      '/apis/rbac.authorization.k8s.io/v1',
    ])
      await failureOf(cluster.request(once(path)), UnreachableError);
    assert.equal(stub.asked.length, 7);
  });

  test('is repeated after a page that says 404 while the proxy in front of the API starts', async () => {
    const { cluster } = await clusterWith(
      inTurn((_request, response) => response.writeHead(404).end('<html>404 Not Found</html>'), ok),
    );
    assert.deepEqual(await cluster.request(get), { ok: true });
  });
});

describe('an object that is created', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'n' },
    stringData: { key: 'value' },
  };
  const stored = {
    ...secret,
    metadata: { ...secret.metadata, uid: '1', creationTimestamp: 'now' },
    stringData: undefined,
    data: { key: Buffer.from('value').toString('base64') },
    type: 'Opaque',
  };
  const discovery = { resources: [{ name: 'secrets', kind: 'Secret', namespaced: true }] };
  const serving =
    (posts: Answering, present: object): Answering =>
    (request, response) => {
      if (request.url === '/api/v1') return sendJson(response, 200, discovery);
      if (request.method === 'POST') return posts(request, response);
      sendJson(response, 200, present);
    };

  test('counts as created if the first answer was lost and it exists as wanted', async () => {
    const { cluster } = await clusterWith(serving(inTurn(reset, status(409, 'already exists')), stored));
    assert.equal((await create<V1Secret>(cluster, secret)).metadata?.uid, '1');
  });

  test("is a conflict if the existing object is somebody else's", async () => {
    const others = { ...stored, data: { key: Buffer.from('other').toString('base64') } };
    const { cluster } = await clusterWith(serving(inTurn(reset, status(409, 'already exists')), others));
    assert.equal((await failureOf(create(cluster, secret), ApiError)).status, 409);
  });

  test('is a conflict if it existed before', async () => {
    const { stub, cluster } = await clusterWith(serving(status(409, 'already exists'), stored));
    assert.equal((await failureOf(create(cluster, secret), ApiError)).status, 409);
    assert.deepEqual(stub.asked.slice(1), ['POST /api/v1/namespaces/n/secrets?fieldManager=vcdemo']);
  });

  test('is not sent again with a generated name if it may have arrived', async () => {
    const { stub, cluster } = await clusterWith(serving(inTurn(reset, ok), stored));
    const { name: _name, ...metadata } = secret.metadata;
    const unnamed = { ...secret, metadata: { ...metadata, generateName: 's-' } };
    await failureOf(create(cluster, unnamed), UnreachableError);
    assert.equal(stub.asked.length, 2);
    assert.equal(ref('v1', 'Secret', 's').metadata.name, 's');
  });
});

describe('the certificate of an API', () => {
  const inSeconds = (count: number) => new Date(Date.now() + count * 1000);

  async function connectWith(pair: Pair, certificateAuthority: string | undefined, name = 'host'): Promise<Cluster> {
    const stub = await stubWith(ok, pair);
    return connect(accessTo(stub, { certificateAuthority }), {}, name);
  }

  test('is accepted if the kubeconfig has only the intermediate', async () => {
    const intermediate = await makeAuthority('intermediate', await makeAuthority('root'));
    const pair = await makeCertificate(intermediate, 'api', { names: ['localhost'] });
    const cluster = await connectWith(pair, intermediate.certificate);
    assert.deepEqual(await cluster.request(get), { ok: true });
  });

  test('is accepted for the name in the kubeconfig', async () => {
    const root = await makeAuthority('root');
    const stub = await stubWith(ok, await makeCertificate(root, 'api', { names: ['kubernetes'] }));
    const access = accessTo(stub, { certificateAuthority: root.certificate, tlsServerName: 'kubernetes' });
    assert.deepEqual(await connect(access).request(get), { ok: true });
  });

  type Case = [what: string, making: (root: Pair) => Promise<Pair>, says: RegExp, hint: RegExp];
  const cases: Case[] = [
    [
      "of an authority that is not the kubeconfig's",
      async () => makeCertificate(await makeAuthority('other'), 'api', { names: ['localhost'] }),
      /not signed by the expected CA/,
      /certificate-authority-data in the worker's kubeconfig/,
    ],
    [
      'for another name',
      (root) => makeCertificate(root, 'api', { names: ['other'] }),
      /not valid for this address.*other/,
      /tls-server-name/,
    ],
    [
      'that is not valid yet',
      (root) => makeCertificate(root, 'api', { names: ['localhost'], notBefore: inSeconds(90) }),
      /is not valid yet: it is valid from 20.* to 20.*, and the worker's clock says 20/,
      /Compare the clocks of the worker and of the host cluster/,
    ],
    [
      'that has expired',
      (root) => makeCertificate(root, 'api', { names: ['localhost'], notAfter: inSeconds(-90) }),
      /has expired: it is valid from/,
      /clocks.*renew the certificate/,
    ],
  ];
  for (const [what, making, says, hint] of cases)
    test(`${what} is refused at once, with advice on certificates`, async () => {
      const root = await makeAuthority('root');
      const cluster = await connectWith(await making(root), root.certificate);
      const error = await failureOf(cluster.request(get), UnreachableError);
      assert.match(error.message, says);
      assert.match(error.hint, hint);
      assert.doesNotMatch(error.hint, /cluster is up/);
      assert.equal(isPassing(error), false);
    });

  test('may still become valid in a virtual cluster that is starting', async () => {
    const pair = await makeCertificate(await makeAuthority('other'), 'api', { names: ['localhost'] });
    const cluster = await connectWith(pair, (await makeAuthority('root')).certificate, 'vc1');
    const error = await failureOf(cluster.request(get), UnreachableError);
    assert.equal(isPassing(error), true);
  });

  test('is not checked if the kubeconfig says so', async () => {
    const stub = await stubWith(ok);
    const access = accessTo(stub, { certificateAuthority: undefined, skipTlsVerify: true });
    assert.deepEqual(await connect(access).request(get), { ok: true });
  });

  test('is reported if it does not match its key', async () => {
    const stub = await stubWith(ok);
    const root = await makeAuthority('root');
    const [{ certificate }, { key }] = [await makeCertificate(root, 'a'), await makeCertificate(root, 'b')];
    const access = accessWith(accessTo(stub).server, { certificate, key });
    const error = await failureOf(connect(access).request(get), UnreachableError);
    assert.match(error.message, /client certificate and its key cannot be used/);
  });

  test('is missing if something answers that does not speak TLS', async () => {
    const plain = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0);
    closing.push(() => plain.close());
    const url = `https://localhost:${(plain.address() as AddressInfo).port}`;
    const error = await failureOf(connect(accessWith({ url }, { token: 't' })).request(get), UnreachableError);
    assert.match(error.message, /does not speak TLS/);
  });
});

describe('an API behind a proxy', () => {
  test('is reached through the proxy in the kubeconfig', async () => {
    const stub = await stubWith(ok);
    const tunnels: string[] = [];
    const proxy = http.createServer().on('connect', (request, socket: net.Socket, head: Buffer) => {
      tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
      const { port } = new URL(stub.url);
      const upstream = net.connect(Number(port), 'localhost', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on('error', () => undefined);
      closing.push(() => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, resolve));
    closing.push(() => proxy.close());
    const proxyUrl = `http://me:pw@localhost:${(proxy.address() as AddressInfo).port}`;
    const cluster = connect(accessTo(stub, { proxyUrl }));
    assert.deepEqual(await cluster.request(get), { ok: true });
    assert.deepEqual(await cluster.request(get), { ok: true });
    const credentials = `Basic ${Buffer.from('me:pw').toString('base64')}`;
    assert.deepEqual(tunnels, [`${new URL(stub.url).host} ${credentials}`]);
  });

  describe('that accepts connections and says nothing', () => {
    async function behindSilence(options?: ClusterOptions): Promise<Cluster> {
      const proxy = net.createServer((socket) => closing.push(() => socket.destroy()));
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      closing.push(() => proxy.close());
      const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      return connect(accessWith({ url: 'https://api.corp.test:6443', proxyUrl }, { token: 't' }), options);
    }

    test('fails requests at their deadline', async () => {
      const cluster = await behindSilence();
      const { message } = await failureOf(cluster.request({ ...get, withinMs: 1000 }), UnreachableError);
      assert.match(message, /through the proxy 127.0.0.1:\d+ cannot be reached: no answer within 0.5 s/);
    });

    test('lets the end of a job end its requests', async () => {
      const ending = new AbortController();
      const cluster = await behindSilence({ signal: ending.signal });
      const asked = assert.rejects(cluster.request(get), /the worker is stopping/);
      setTimeout(() => ending.abort(new Error('the worker is stopping')), 100);
      await asked;
    });

    test('is given up, so that it keeps no places of other requests', async () => {
      const cluster = await behindSilence();
      const call = { ...get, withinMs: 60_000, repeat: 'never' } as const;
      const { message } = await failureOf(cluster.request(call), UnreachableError);
      assert.match(message, /the proxy did not answer within 10s/);
    });
  });
});
