import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import {
  authorityCertificate,
  certificateRequest,
  generateAuthorityKey,
  generateUserKey,
  issuerOf,
  privateKeyPem,
} from '../../../../src/k8s/credentials/x509.js';

const from = new Date('2026-01-01T00:00:00Z');
const to = new Date('2060-01-01T00:00:00Z');

async function chain() {
  const rootKey = await generateAuthorityKey();
  const key = await generateAuthorityKey();
  const root = authorityCertificate(rootKey, {
    subject: [
      ['O', 'Istio'],
      ['CN', 'Root CA'],
    ],
    notBefore: from,
    notAfter: to,
  });
  const intermediate = authorityCertificate(
    key,
    {
      subject: [
        ['O', 'Istio'],
        ['CN', 'Intermediate CA'],
        ['L', 'vc1'],
      ],
      notBefore: from,
      notAfter: to,
      pathLength: 0,
      dnsNames: ['istiod.istio-system.svc'],
    },
    issuerOf(root, privateKeyPem(rootKey.privateKey)),
  );
  return { root, intermediate, key };
}

test('an intermediate CA is signed by the root and is a CA itself', async () => {
  const { root, intermediate, key } = await chain();
  const [parsedRoot, parsed] = [new X509Certificate(root), new X509Certificate(intermediate)];
  assert.ok(parsedRoot.ca && parsed.ca);
  assert.ok(parsedRoot.verify(parsedRoot.publicKey), 'the root signs itself');
  assert.ok(parsed.verify(parsedRoot.publicKey));
  assert.ok(parsed.checkIssued(parsedRoot));
  assert.ok(parsed.checkPrivateKey(key.privateKey));
  assert.equal(parsed.subject, 'O=Istio\nCN=Intermediate CA\nL=vc1');
  assert.equal(parsed.subjectAltName, 'DNS:istiod.istio-system.svc');
  assert.equal(Date.parse(parsed.validFrom), from.getTime());
  assert.equal(Date.parse(parsed.validTo), to.getTime());
});

const openssl = await execa('openssl', ['version'], { reject: false });
const skip = openssl.exitCode === 0 ? false : 'openssl is not on the PATH';

test('openssl accepts the chain with its strict rules, and the request of an Ed25519 key', { skip }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-x509-'));
  try {
    const { root, intermediate } = await chain();
    const file = (name: string) => join(directory, name);
    await writeFile(file('root'), root);
    await writeFile(file('intermediate'), intermediate);
    const verified = await execa('openssl', ['verify', '-x509_strict', '-CAfile', file('root'), file('intermediate')]);
    assert.match(verified.stdout, /OK/);
    const request = certificateRequest(await generateUserKey(), [
      ['CN', 'u-istio'],
      ['O', 'admin'],
    ]);
    await writeFile(file('request'), request);
    const checked = await execa('openssl', ['req', '-in', file('request'), '-noout', '-verify', '-subject'], {
      all: true,
    });
    assert.match(checked.all, /verify OK/);
    assert.match(checked.all, /CN ?= ?u-istio, O ?= ?admin/);
  } finally {
    await rm(directory, { recursive: true });
  }
});
