import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { UserError } from '../../../../src/errors.js';
import type { Access } from '../../../../src/k8s/client/server-access.js';
import { hostAccess } from '../../../../src/k8s/client/host-access.js';

const { signal } = new AbortController();
const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig with the context `c` for a cluster and a user. */
const simple = (cluster: object, user: object, more: object = {}) => ({
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'ns' } }],
  clusters: [{ name: 'k', cluster: { server: 'https://a:6443', ...cluster } }],
  users: [{ name: 'u', user }],
  ...more,
});

describe('the host cluster is reached', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'vcdemo-test-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  async function write(name: string, content: unknown): Promise<string> {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' ? content : stringify(content));
    return path;
  }
  const read = async (...contents: unknown[]): Promise<Access> => {
    const files = await Promise.all(contents.map((content, index) => write(`kubeconfig-${index}`, content)));
    return hostAccess({ KUBECONFIG: files.join(delimiter) });
  };
  async function refused(work: () => Promise<unknown>): Promise<string> {
    const error: unknown = await work().then(
      () => assert.fail('was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, 'no-credentials');
    assert.ok(error.hint);
    return error.message;
  }

  test('at the address of the current context, with its namespace', async () => {
    const { server, namespace } = await read(
      simple(
        { 'tls-server-name': 'n', 'proxy-url': 'http://p:3128', 'certificate-authority-data': base64(pem('x')) },
        {},
      ),
    );
    assert.equal(namespace, 'ns');
    assert.deepEqual(server, {
      url: 'https://a:6443',
      tlsServerName: 'n',
      proxyUrl: 'http://p:3128',
      certificateAuthority: pem('x'),
      skipTlsVerify: false,
    });
  });

  describe('as the user of the current context', () => {
    const cases: [what: string, user: object, headers: object][] = [
      ['with a token', { token: 't' }, { authorization: 'Bearer t' }],
      [
        'with a name and a password',
        { username: 'me', password: 'p:w' },
        { authorization: `Basic ${base64('me:p:w')}` },
      ],
      [
        'with an id-token of oidc',
        { 'auth-provider': { name: 'oidc', config: { 'id-token': 't' } } },
        { authorization: 'Bearer t' },
      ],
    ];
    for (const [what, user, headers] of cases)
      test(what, async () => assert.deepEqual((await (await read(simple({}, user))).signIn(signal)).headers, headers));

    test('by impersonation', async () => {
      const as = { as: 'ada', 'as-uid': '7', 'as-groups': ['a', 'b'], 'as-user-extra': { 'acme.io/why': ['test'] } };
      assert.deepEqual((await read(simple({}, { token: 't', ...as }))).headers, {
        'impersonate-user': 'ada',
        'impersonate-uid': '7',
        'impersonate-group': ['a', 'b'],
        'impersonate-extra-acme.io%2Fwhy': ['test'],
      });
      const { headers } = await read(simple({}, { token: 't', as: 'Zoë 李' }));
      assert.equal(Buffer.from(String(headers?.['impersonate-user']), 'latin1').toString('utf8'), 'Zoë 李');
    });

    test('with the certificate in the kubeconfig rather than the one in a file', async () => {
      await write('client.crt', 'of the file');
      const user = { 'client-certificate': 'client.crt', 'client-certificate-data': base64(pem('data')) };
      const access = await read(simple({}, { ...user, 'client-key-data': base64(pem('key')) }));
      assert.deepEqual(await access.signIn(signal), { certificate: pem('data'), key: pem('key') });
    });

    test('with the current content of its token file', async () => {
      await write('token', 'first\n');
      const access = await read(simple({}, { tokenFile: 'token', token: 'fixed' }));
      assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer first' });
      await write('token', 'second\n');
      assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer second' });
    });

    test('with the token before, while its token file is empty or gone, unless the server has refused it', async () => {
      const file = await write('rotated', 'first\n');
      const access = await read(simple({}, { tokenFile: 'rotated' }));
      const first = await access.signIn(signal);
      for (const change of [() => write('rotated', '\n'), () => rm(file)]) {
        await change();
        assert.deepEqual(await access.signIn(signal), first);
        assert.deepEqual(await (await read(simple({}, { tokenFile: 'rotated' }))).signIn(signal), first);
        assert.match(
          await refused(() => access.signIn(signal, first)),
          /cannot be read: .*rotated: (it is empty|ENOENT)/,
        );
      }
      await write('rotated', 'second');
      assert.deepEqual((await access.signIn(signal, first)).headers, { authorization: 'Bearer second' });
    });

    test('with its token if its token file is missing', async () => {
      const access = await read(simple({}, { tokenFile: 'missing-token', token: 'fixed' }));
      assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer fixed' });
    });

    test('with files relative to the kubeconfig that names them', async () => {
      await write('sub/ca.crt', pem('ca'));
      await write('sub/client.crt', 'certificate');
      await write('sub/client.key', 'key');
      const user = { 'client-certificate': 'client.crt', 'client-key': './client.key' };
      const file = await write('sub/config', simple({ 'certificate-authority': 'ca.crt' }, user));
      const access = hostAccess({ KUBECONFIG: file });
      assert.equal(access.server.certificateAuthority, pem('ca'));
      assert.deepEqual(await access.signIn(signal), { certificate: 'certificate', key: 'key' });
    });

    test('with a plugin relative to the kubeconfig that names it', async () => {
      const plugin = await write(
        'sub/bin/login',
        `#!/bin/sh\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$T"'"}}'\n`,
      );
      await (await import('node:fs/promises')).chmod(plugin, 0o755);
      const exec = { command: 'bin/login', apiVersion: 'client.authentication.k8s.io/v1', args: null };
      const user = { exec: { ...exec, env: [{ name: 'T', value: 'of-the-plugin' }] } };
      const file = await write('sub/config', simple({}, user));
      assert.deepEqual((await hostAccess({ KUBECONFIG: file }).signIn(signal)).headers, {
        authorization: 'Bearer of-the-plugin',
      });
    });

    test('with its token rather than its plugin', async () => {
      const exec = { command: './missing', apiVersion: 'client.authentication.k8s.io/v1' };
      const access = await read(simple({}, { token: 't', exec }));
      assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer t' });
    });
  });

  describe('with several kubeconfigs', () => {
    const cluster = (server: string) => ({ name: 'k', cluster: { server } });
    const context = { name: 'c', context: { cluster: 'k', user: 'u' } };

    test('of which the first with a name counts, entirely', async () => {
      const first = simple({ server: 'https://first' }, { token: 'first' });
      const second = simple({ server: 'https://second', 'tls-server-name': 'second' }, { username: 'second' });
      const access = await read(first, second);
      assert.deepEqual([access.server.url, access.server.tlsServerName], ['https://first', undefined]);
      assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer first' });
    });

    test('of which the first that sets the current context decides', async () => {
      const access = await read(
        { clusters: [cluster('https://a')] },
        { 'current-context': '' },
        { 'current-context': 'c', contexts: [context], users: [{ name: 'u', user: { token: 't' } }] },
        { 'current-context': 'other' },
      );
      assert.equal(access.server.url, 'https://a');
    });

    test('of which some are missing, empty or listed twice', async () => {
      const file = await write('one', simple({}, {}));
      const empty = await write('empty', '');
      const missing = join(directory, 'missing');
      const access = hostAccess({ KUBECONFIG: [missing, '', empty, file, file].join(delimiter) });
      assert.equal(access.server.url, 'https://a:6443');
    });

    test('each with paths relative to itself', async () => {
      await write('other/ca.crt', pem('other'));
      const other = await write('other/config', {
        clusters: [{ name: 'k', cluster: { server: 'https://a', 'certificate-authority': 'ca.crt' } }],
      });
      const first = await write('config', {
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k' } }],
      });
      const access = hostAccess({ KUBECONFIG: [first, other].join(delimiter) });
      assert.equal(access.server.certificateAuthority, pem('other'));
    });
  });

  test('in a pod with its service account, whose token is read again each time', async () => {
    await write('account/ca.crt', pem('ca'));
    await write('account/namespace', 'vcdemo');
    await write('account/token', 'first');
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '8443' };
    const access = hostAccess(environment, join(directory, 'account'));
    assert.equal(access.server.url, 'https://[fd00::1]:8443');
    assert.equal(access.server.certificateAuthority, pem('ca'));
    assert.equal(access.namespace, 'vcdemo');
    await write('account/token', 'second');
    assert.deepEqual((await access.signIn(signal)).headers, { authorization: 'Bearer second' });
  });

  describe('not, with the reason,', () => {
    const cases: [what: string, contents: unknown[], says: RegExp][] = [
      ['without a current context', [simple({}, {}, { 'current-context': '' })], /has no current-context/],
      ['with a context that is missing', [simple({}, {}, { contexts: [] })], /context c .* is not among its contexts/],
      ['with a cluster that is missing', [simple({}, {}, { clusters: [] })], /names the cluster k, which is not among/],
      ['with a user who is missing', [simple({}, {}, { users: [] })], /names the user u, which is not among/],
      ['without a server', [simple({ server: '' }, {})], /cluster k, which has no server/],
      ['with what is no YAML', ['{'], /cannot be read: .*kubeconfig-0/],
      ['with values of a wrong kind', [simple({}, { token: 7 })], /users\.0\.user\.token/],
      [
        'with a CA that is no certificate',
        [simple({ 'certificate-authority-data': base64('x') }, {})],
        /certificate-authority-data is not PEM/,
      ],
      [
        'with a CA that is to be ignored',
        [simple({ 'certificate-authority-data': base64(pem('x')), 'insecure-skip-tls-verify': true }, {})],
        /both a certificate-authority and insecure/,
      ],
      [
        'with a CA file that is missing',
        [simple({ 'certificate-authority': 'no.crt' }, {})],
        /cannot be read: .*no\.crt/,
      ],
      [
        'with an address of another protocol',
        [simple({ server: 'ftp://a' }, {})],
        /server ftp:\/\/a is not an address/,
      ],
      ['with a proxy that is no address', [simple({ 'proxy-url': 'proxy:3128' }, {})], /proxy-url is not the address/],
      ['with a proxy of another protocol', [simple({ 'proxy-url': 'ftp://p:1' }, {})], /proxy-url is not the address/],
      ['with a token of two lines', [simple({}, { token: 'a\nb' })], /token .* contains characters that no token has/],
      [
        'with a certificate without its key',
        [simple({}, { 'client-certificate-data': base64(pem('x')) })],
        /client-certificate without its client-key/,
      ],
      ['with an auth-provider that is gone', [simple({}, { 'auth-provider': { name: 'gcp' } })], /auth-provider gcp/],
    ];
    for (const [what, contents, says] of cases)
      test(what, async () => assert.match(await refused(() => read(...contents)), says));

    test('and never with a secret that stands where the file is no YAML', async () => {
      for (const text of [
        'user:\n  token: hunter2\n\tpassword: hunter2\n',
        'a: "hunter2\n',
        'a: hunter2\na: hunter2\n',
        'a: [hunter2',
      ]) {
        const reason = await refused(() => read(text));
        assert.match(reason, /it is not valid YAML \([\w ]+\) at line \d+, column \d+\.$/);
        assert.doesNotMatch(reason, /hunter2/);
      }
    });

    test('if a token file is empty', async () => {
      await write('no-token', '\n');
      const access = await read(simple({}, { tokenFile: 'no-token' }));
      assert.match(await refused(() => access.signIn(signal)), /cannot be read: .*no-token: it is empty/);
    });

    test('if none of the files exists', async () => {
      const reading = async () => hostAccess({ KUBECONFIG: join(directory, 'no') });
      assert.match(await refused(reading), /kubeconfig .*no does not exist/);
    });

    test('if there is neither a kubeconfig nor a pod', async () => {
      for (const KUBECONFIG of ['', delimiter])
        assert.match(
          await refused(async () => hostAccess({ KUBECONFIG })),
          /KUBECONFIG names no file and this is not a pod/,
        );
    });

    test('if a key file is missing', async () => {
      const access = await read(simple({}, { 'client-certificate': 'no.crt', 'client-key': 'no.key' }));
      assert.match(await refused(() => access.signIn(signal)), /cannot be read: .*no\.crt/);
    });
  });
});
