import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { UserError } from '../../src/errors.js';
import { accessWith } from '../../src/k8s/client/server-access.js';
import { probePublicAddress } from '../../src/k8s/virtual-cluster/public-address.js';
import { authorityCertificate, generateAuthorityKey, privateKeyPem } from '../../src/k8s/credentials/x509.js';
import { freePort } from '../support/free-port.js';

/* Against servers on this machine; each stands for something that may answer at a public name. */

async function certificateFor(name: string) {
  const key = await generateAuthorityKey();
  const validity = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 3_600_000) };
  return {
    cert: authorityCertificate(key, { subject: [['CN', name]], dnsNames: [name], ...validity }),
    key: privateKeyPem(key.privateKey),
  };
}

/** The error code of the probe of the address; undefined when it passes. */
async function codeOf(
  server: string,
  ca: string,
  { tlsServerName, own = 'https://localhost:1' }: { tlsServerName?: string; own?: string } = {},
): Promise<string | undefined> {
  const user = { token: 'x' };
  const access = accessWith({ url: server, certificateAuthority: ca, tlsServerName }, user);
  const direct = accessWith({ url: own, certificateAuthority: ca }, user);
  try {
    await probePublicAddress('vc1', { access, direct }, new AbortController().signal, 600);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof UserError);
    assert.ok(error.hint, 'says what to do');
    return error.code;
  }
}

async function withServer<Result>(server: net.Server, work: (port: number) => Promise<Result>): Promise<Result> {
  server.listen(0);
  await once(server, 'listening');
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
    if (server instanceof https.Server) server.closeAllConnections();
  }
}

const api = (certificate: { cert: string; key: string }, status = 200) =>
  https.createServer(certificate, (request, response) => {
    const resources = [{ name: 'namespaces', kind: 'Namespace', namespaced: false }];
    response.writeHead(status).end(JSON.stringify({ resources, items: [], message: request.url }));
  });

describe('the probe of a public address', () => {
  it('accepts an API that answers with the right certificate', async () => {
    const good = await certificateFor('localhost');
    assert.equal(await withServer(api(good), (port) => codeOf(`https://localhost:${port}`, good.cert)), undefined);
  });

  it('says that a name does not resolve', async () => {
    assert.equal(
      await codeOf('https://vc1.invalid:443', (await certificateFor('x')).cert),
      'public-address-does-not-resolve',
    );
  });

  it('says that connections are refused', async () => {
    const { cert } = await certificateFor('localhost');
    assert.equal(await codeOf(`https://localhost:${await freePort()}`, cert), 'public-address-refused');
  });

  it('also finds out what is wrong at an IPv6 address', async (test) => {
    if (
      !Object.values(networkInterfaces())
        .flat()
        .some((one) => one?.address === '::1')
    )
      return test.skip('no IPv6 here');
    const [good, other] = [await certificateFor('localhost'), await certificateFor('elsewhere')];
    assert.equal(await codeOf(`https://[::1]:${await freePort()}`, good.cert), 'public-address-refused');
    const behind = (certificate: typeof good) =>
      withServer(api(certificate), (port) =>
        codeOf(`https://[::1]:${port}`, good.cert, { tlsServerName: 'localhost' }),
      );
    assert.equal(await behind(good), undefined);
    assert.equal(await behind(other), 'public-address-terminates-tls');
  });

  it('says that connections are closed without an answer', async () => {
    const { cert } = await certificateFor('localhost');
    const ends = net.createServer((socket) => socket.destroy());
    assert.equal(
      await withServer(ends, (port) => codeOf(`https://localhost:${port}`, cert)),
      'public-address-not-routed',
    );
  });

  it('says that TLS is terminated if the certificate is foreign, or if the user is lost', async () => {
    const [good, other] = [await certificateFor('localhost'), await certificateFor('localhost')];
    assert.equal(
      await withServer(api(other), (port) => codeOf(`https://localhost:${port}`, good.cert)),
      'public-address-terminates-tls',
    );
    assert.equal(
      await withServer(api(good, 403), (port) => codeOf(`https://localhost:${port}`, good.cert)),
      'public-address-terminates-tls',
    );
  });

  it('says whether nobody accepts the credentials or they are lost on the way', async () => {
    const good = await certificateFor('localhost');
    const behind = (own: number, status = 401) =>
      withServer(api(good, own), (ownPort) =>
        withServer(api(good, status), (port) =>
          codeOf(`https://localhost:${port}`, good.cert, { own: `https://localhost:${ownPort}` }),
        ),
      );
    assert.equal(await behind(401), 'public-address-credential-refused');
    assert.equal(await behind(403), 'public-address-credential-refused');
    assert.equal(await behind(200), 'public-address-terminates-tls');
    assert.equal(await behind(503), 'public-address-terminates-tls');
  });

  it('does not blame the credentials or the way for an API that answers with an error', async () => {
    const good = await certificateFor('localhost');
    for (const status of [429, 500, 503])
      assert.equal(
        await withServer(api(good, status), (port) => codeOf(`https://localhost:${port}`, good.cert)),
        'public-address-api-error',
      );
  });

  it('says that the certificate belongs to the virtual cluster, but has another name', async () => {
    const wrong = await certificateFor('elsewhere.example.com');
    assert.equal(
      await withServer(api(wrong), (port) => codeOf(`https://localhost:${port}`, wrong.cert)),
      'public-address-wrong-certificate',
    );
  });
});
