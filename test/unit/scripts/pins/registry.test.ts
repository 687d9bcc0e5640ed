import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { digestOf, parseImage } from '../../../../scripts/pins/registry.js';

test('an image name is parsed as Docker does', () => {
  for (const [image, registry, repository, tag] of [
    ['node', 'docker.io', 'library/node', 'latest'],
    ['alpine/helm:3.19.0', 'docker.io', 'alpine/helm', '3.19.0'],
    ['docker.io/valkey/valkey:8.1', 'docker.io', 'valkey/valkey', '8.1'],
    ['registry.example.com:5000/a/b:c@sha256:0', 'registry.example.com:5000', 'a/b', 'c'],
    ['localhost:5000/a', 'localhost:5000', 'a', 'latest'],
  ] as const)
    assert.deepEqual(parseImage(image), { registry, repository, tag }, image);
});

describe('the digest of an image', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const registry = createServer((request, response) => {
    const { host } = request.headers;
    if (request.url === '/token?service=here&scope=repository%3Aa%2Fb%3Apull')
      return void response.end(JSON.stringify({ token: 'a-token' }));
    if (request.headers.authorization !== 'Bearer a-token') {
      const challenge = `Bearer realm="http://${host}/token",service="here",scope="repository:a/b:pull"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    const isThere = request.method === 'HEAD' && request.url === '/v2/a/b/manifests/1.0';
    if (isThere && request.headers.accept?.includes('image.index'))
      return void response.writeHead(200, { 'docker-content-digest': digest }).end();
    return void response.writeHead(404).end();
  });
  let host: string;
  before(async () => {
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');
    host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  });
  after(() => registry.close());

  test('is fetched from its registry with pull credentials', async () =>
    assert.equal(await digestOf(`${host}/a/b:1.0@sha256:old`), digest));

  test('is an error if the tag does not exist', () =>
    assert.rejects(digestOf(`${host}/a/b:2.0`), /no digest for a\/b:2\.0 \(status 404\)/));
});
