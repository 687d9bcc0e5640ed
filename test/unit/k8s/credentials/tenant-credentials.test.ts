import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { UserError } from '../../../../src/errors.js';
import { tenantCredentials } from '../../../../src/k8s/credentials/tenant-credentials.js';
import { makeAuthority, makeCertificate, type Pair } from '../../../support/certificates.js';

const secretWith = (texts: Record<string, string>) => ({
  metadata: { name: 'vc-vc1', namespace: 'demo-vc1' },
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
});

describe('from the Secret of a virtual cluster', () => {
  let authority: Pair;
  let client: Pair;
  let texts: Record<string, string>;
  before(async () => {
    authority = await makeAuthority('vc1');
    client = await makeCertificate(authority, 'admin');
    texts = {
      'certificate-authority': authority.certificate,
      'client-certificate': client.certificate,
      'client-key': client.key,
    };
  });

  test('the CA, the certificate and its key are taken', () => {
    const { certificateAuthority, user } = tenantCredentials(secretWith(texts));
    assert.equal(certificateAuthority.replace(/\s/g, ''), authority.certificate.replace(/\s/g, ''));
    assert.deepEqual(Object.keys(user), ['certificate', 'key']);
  });

  test('a token is taken if there is no certificate', () => {
    const { user } = tenantCredentials(secretWith({ 'certificate-authority': authority.certificate, token: 'a.b.c' }));
    assert.deepEqual(user, { token: 'a.b.c' });
  });

  test('nothing is taken from its kubeconfig, whatever it says', () => {
    const config = [
      'users: [{ name: u, user: { exec: { command: touch, args: [/tmp/pwned] }, tokenFile: /etc/shadow } }]',
      'clusters: [{ name: c, cluster: { server: https://evil, proxy-url: http://evil, insecure-skip-tls-verify: true } }]',
    ].join('\n');
    const text = JSON.stringify(tenantCredentials(secretWith({ ...texts, config })));
    assert.doesNotMatch(text, /exec|touch|evil|shadow|proxy/i);
    assert.throws(() => tenantCredentials(secretWith({ config })), /certificate-authority is not a certificate/);
  });

  test('text around a certificate is dropped', () => {
    const junk = `\nproxy: evil\n${authority.certificate}\nmore: junk\n`;
    const { certificateAuthority } = tenantCredentials(secretWith({ ...texts, 'certificate-authority': junk }));
    assert.doesNotMatch(certificateAuthority, /evil|junk/);
  });

  describe('nothing is taken', () => {
    const broken: [
      what: string,
      change: () => Promise<Record<string, string>> | Record<string, string>,
      says: RegExp,
    ][] = [
      ['without a CA', () => ({ 'certificate-authority': '' }), /certificate-authority is not a certificate/],
      [
        'with a CA that does not parse',
        () => ({ 'certificate-authority': '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----' }),
        /certificate-authority cannot be read/,
      ],
      [
        'with a CA that is a key',
        () => ({ 'certificate-authority': client.key }),
        /certificate-authority is not a certificate/,
      ],
      [
        'with a certificate that does not parse',
        () => ({ 'client-certificate': 'x' }),
        /client-certificate is not a certificate/,
      ],
      ['with a key that does not parse', () => ({ 'client-key': 'x' }), /client-key cannot be read/],
      ['without a key', () => ({ 'client-key': '' }), /client-key cannot be read/],
      [
        'with the key of another certificate',
        async () => ({ 'client-key': (await makeCertificate(authority, 'x')).key }),
        /client-key does not match its client-certificate/,
      ],
      [
        'with a token that could be more than a token',
        () => ({ 'client-certificate': '', token: 'a.b.c\r\nimpersonate-user: root' }),
        /token is not a service account token/,
      ],
      ['without any credential', () => ({ 'client-certificate': '' }), /neither client-certificate nor token/],
      ['of what is too long', () => ({ 'client-key': 'x'.repeat(100_000) }), /client-key is too long/],
    ];
    for (const [what, change, says] of broken)
      test(what, async () => {
        const secret = secretWith({ ...texts, ...(await change()) });
        assert.throws(
          () => tenantCredentials(secret),
          (error: unknown) => {
            assert.ok(error instanceof UserError);
            assert.match(error.message, says);
            assert.match(error.message, /Secret vc-vc1 in namespace demo-vc1/);
            assert.match(error.hint!, /delete secret vc-vc1/);
            return true;
          },
        );
      });
  });
});
