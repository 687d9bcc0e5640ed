import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { mergedKubeconfig } from '../../../../src/k8s/credentials/kubeconfig.js';
import { storedKubeconfig } from '../../../../src/k8s/credentials/stored-kubeconfig.js';
import { makeAuthority, makeCertificate, type Pair } from '../../../support/certificates.js';

interface Kubeconfig {
  clusters: { name: string; cluster: Record<string, unknown> }[];
  users: { name: string; user: Record<string, unknown> }[];
  contexts: { name: string; context: Record<string, unknown> }[];
  [key: string]: unknown;
}

describe('the stored kubeconfig of a demo', () => {
  let authority: Pair;
  let client: Pair;
  let text: string;
  before(async () => {
    authority = await makeAuthority('vc');
    client = await makeCertificate(authority, 'u-istio');
    const entries = ['vc1', 'vc2'].map((name) => ({
      name,
      server: `https://${name}.example:443`,
      certificateAuthority: Buffer.from(authority.certificate).toString('base64'),
      certificate: client.certificate,
    }));
    text = mergedKubeconfig({ demo: { name: 'demo', hostCluster: undefined }, user: 'u-istio' }, client.key, entries);
  });

  const changed = (change: (kubeconfig: Kubeconfig) => void): string => {
    const kubeconfig = parse(text) as Kubeconfig;
    change(kubeconfig);
    return stringify(kubeconfig, { aliasDuplicateObjects: false });
  };

  test('is read as it was written', () => {
    const { key, entries } = storedKubeconfig(text, 'u-istio');
    assert.equal(key, client.key);
    assert.deepEqual(
      entries.map(({ name, server }) => [name, server]),
      [
        ['vc1', 'https://vc1.example:443'],
        ['vc2', 'https://vc2.example:443'],
      ],
    );
    assert.ok(
      mergedKubeconfig({ demo: { name: 'demo', hostCluster: undefined }, user: 'u-istio' }, key, entries).includes(
        'vc2.example',
      ),
    );
  });

  describe('is refused', () => {
    const user = (fields: object) => (kubeconfig: Kubeconfig) => Object.assign(kubeconfig.users[0]!.user, fields);
    const cluster = (fields: object) => (kubeconfig: Kubeconfig) =>
      Object.assign(kubeconfig.clusters[1]!.cluster, fields);
    const attacks: [what: string, change: (kubeconfig: Kubeconfig) => void, says: RegExp][] = [
      ['with a program to run', user({ exec: { command: 'sh' } }), /users\.0\.user is not what vcdemo writes \(exec\)/],
      ['with an auth-provider', user({ 'auth-provider': { name: 'gcp' } }), /\(auth-provider\)/],
      ['with a token file', user({ tokenFile: '/etc/shadow' }), /\(tokenFile\)/],
      ['with a key in a file', user({ 'client-key': '/etc/ssl/key' }), /\(client-key\)/],
      ['with a token', user({ token: 'x' }), /\(token\)/],
      ['with a proxy', cluster({ 'proxy-url': 'http://evil' }), /clusters\.1\.cluster .*\(proxy-url\)/],
      ['with checks off', cluster({ 'insecure-skip-tls-verify': true }), /\(insecure-skip-tls-verify\)/],
      ['with a CA in a file', cluster({ 'certificate-authority': '/etc/passwd' }), /\(certificate-authority\)/],
      ['with an address that is not https', cluster({ server: 'http://vc2.example' }), /clusters\.1\.cluster\.server/],
      [
        'with a CA that is none',
        cluster({ 'certificate-authority-data': 'QUJD' }),
        /certificate-authority-data is not a certificate/,
      ],
      ['with a key that is none', user({ 'client-key-data': 'QUJD' }), /client-key cannot be read/],
      ['with extensions', (kubeconfig) => (kubeconfig.extensions = []), /its content .*\(extensions\)/],
      ['without one of its contexts', (kubeconfig) => kubeconfig.contexts.splice(1, 1), /no complete context vc2/],
      ['with very many users', (kubeconfig) => (kubeconfig.users = Array(11).fill(kubeconfig.users[0])), /its users/],
    ];
    for (const [what, change, says] of attacks)
      test(what, () => assert.throws(() => storedKubeconfig(changed(change), 'u-istio'), says));

    test("with somebody else's key", async () => {
      const { key } = await makeCertificate(authority, 'u-istio');
      const data = Buffer.from(key).toString('base64');
      const other = changed(user({ 'client-key-data': data }));
      assert.throws(() => storedKubeconfig(other, 'u-istio'), /does not match its client-certificate/);
    });

    test("with somebody else's certificate", () => {
      assert.throws(() => storedKubeconfig(text, 'u-other'), /certificate for vc1 belongs to another user/);
    });

    test('if it is something else, very long or full of aliases', () => {
      assert.throws(() => storedKubeconfig('{', 'u-istio'), /is not YAML/);
      assert.throws(() => storedKubeconfig('x'.repeat(300_000), 'u-istio'), /is too long/);
      assert.throws(() => storedKubeconfig('a: &a [1]\nb: *a', 'u-istio'), /is not YAML/);
    });

    test('if it has very many keys, which are not compared with each other', () => {
      // The parser would call a repeated key no YAML; it finds one by comparing every key with all others.
      const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}:`);
      assert.throws(() => storedKubeconfig([...keys, 'k0:'].join('\n'), 'u-istio'), /is not what vcdemo writes/);
    });

    test('and none of its values is revealed', () => {
      const secret = changed(user({ 'client-key-data': '!my-secret!' }));
      assert.throws(
        () => storedKubeconfig(secret, 'u-istio'),
        (error: Error) => !error.message.includes('my-secret'),
      );
    });
  });
});
