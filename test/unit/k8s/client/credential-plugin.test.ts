import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { UserError } from '../../../../src/errors.js';
import type { Credential, Server } from '../../../../src/k8s/client/server-access.js';
import { signInWith, type CredentialPlugin } from '../../../../src/k8s/client/credential-plugin.js';
import { makeAuthority, makeCertificate } from '../../../support/certificates.js';
import { assertEnds, makeExecutables, notePid, pidOf, type Executables } from '../../../support/executables.js';

const v1 = 'client.authentication.k8s.io/v1';
const server: Server = { url: 'https://10.0.0.1:6443', certificateAuthority: 'ca', tlsServerName: 'api' };
const { signal: noSignal } = new AbortController();

/** The output of a plugin. */
const answer = (status: object, apiVersion = v1) => JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
const print = (text: string) => `cat <<'END'\n${text}\nEND`;
/** Appends a line for each run. */
const count = 'echo run >>"$0.runs"';

describe('a credential plugin', () => {
  let scripts: Executables;
  before(async () => (scripts = await makeExecutables()));
  after(() => scripts.remove());

  let made = 0;
  async function plugin(script: string, more: Partial<CredentialPlugin> = {}): Promise<CredentialPlugin> {
    const command = await scripts.write(`plugin-${++made}`, script);
    return { command, args: [], env: {}, apiVersion: v1, provideClusterInfo: false, ...more };
  }
  const signIn = async (script: string, more?: Partial<CredentialPlugin>, signal = noSignal) =>
    signInWith(await plugin(script, more), server)(signal);
  const runsOf = async ({ command }: CredentialPlugin) =>
    (await readFile(`${command}.runs`, 'utf8')).trim().split('\n').length;

  async function refused(signingIn: Promise<Credential>): Promise<UserError> {
    const error: unknown = await signingIn.then(
      () => assert.fail('signed in'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, 'credential-plugin-failed');
    assert.ok(error.hint);
    return error;
  }

  test('signs in with a token', async () => {
    assert.deepEqual(await signIn(print(answer({ token: 'secret' }))), {
      headers: { authorization: 'Bearer secret' },
    });
  });

  test('signs in with a client certificate', async () => {
    const { certificate, key } = await makeCertificate(await makeAuthority('ca'), 'ada');
    const script = print(answer({ clientCertificateData: certificate, clientKeyData: key }));
    assert.deepEqual(await signIn(script), { certificate, key });
  });

  test('may use the older version, and YAML', async () => {
    const v1beta1 = 'client.authentication.k8s.io/v1beta1';
    const yaml = `apiVersion: ${v1beta1}\nkind: ExecCredential\nstatus:\n  token: secret`;
    assert.ok((await signIn(print(yaml), { apiVersion: v1beta1 })).headers);
  });

  test('gets its arguments, its variables and the version, and is told that it is not interactive', async () => {
    const script = `test "$1 $TEAM" = "get-token blue" || exit 9\nprintf %s "$KUBERNETES_EXEC_INFO" >"$0.info"\n${print(answer({ token: 'x' }))}`;
    const configured = await plugin(script, { args: ['get-token'], env: { TEAM: 'blue' } });
    await signInWith(configured, server)(noSignal);
    const told: unknown = JSON.parse(await readFile(`${configured.command}.info`, 'utf8'));
    assert.deepEqual(told, { apiVersion: v1, kind: 'ExecCredential', spec: { interactive: false } });
  });

  test('gets the cluster if the kubeconfig says so', async () => {
    const script = `printf %s "$KUBERNETES_EXEC_INFO" >"$0.info"\n${print(answer({ token: 'x' }))}`;
    const configured = await plugin(script, { provideClusterInfo: true, clusterConfig: { audience: 'us' } });
    await signInWith(configured, server)(noSignal);
    const { spec } = JSON.parse(await readFile(`${configured.command}.info`, 'utf8')) as { spec: { cluster: object } };
    assert.deepEqual(spec.cluster, {
      server: 'https://10.0.0.1:6443',
      'tls-server-name': 'api',
      'certificate-authority-data': Buffer.from('ca').toString('base64'),
      config: { audience: 'us' },
    });
  });

  describe('is run', () => {
    const lasting = (ms: number) =>
      answer({ token: 'x', expirationTimestamp: new Date(Date.now() + ms).toISOString() });

    test('once while its credential is valid, however many callers there are', async () => {
      const configured = await plugin(`${count}\n${print(lasting(60_000))}`);
      await Promise.all([1, 2, 3].map(() => signInWith(configured, server)(noSignal)));
      await signInWith(configured, server)(noSignal);
      assert.equal(await runsOf(configured), 1);
    });

    test('again when its credential has expired', async () => {
      const configured = await plugin(`${count}\n${print(lasting(-1000))}`);
      await signInWith(configured, server)(noSignal);
      await signInWith(configured, server)(noSignal);
      assert.equal(await runsOf(configured), 2);
    });

    test('again, once for all callers, when the server has refused its credential', async () => {
      const configured = await plugin(`${count}\n${print(answer({ token: 'x' }))}`);
      const first = await signInWith(configured, server)(noSignal);
      const [second, third] = await Promise.all([1, 2].map(() => signInWith(configured, server)(noSignal, first)));
      assert.notEqual(second, first);
      assert.equal(third, second);
      assert.equal(await signInWith(configured, server)(noSignal, first), second);
      assert.equal(await runsOf(configured), 2);
    });
  });

  describe('that waits for a person to log in', () => {
    test('is stopped at the deadline of the request, and its output is reported', async () => {
      const deadline = new AbortController();
      const configured = await plugin(`echo "To sign in, open https://login.example.com" >&2\n${notePid()}\nsleep 600`);
      const signingIn = refused(signInWith(configured, server)(deadline.signal));
      await pidOf(configured.command);
      deadline.abort(new DOMException('too late', 'TimeoutError'));
      const { message, hint } = await signingIn;
      assert.match(message, /plugin-\d+ .* did not answer in time; it said: To sign in, open https:\/\/login/);
      assert.match(hint!, /waiting for a person to log in.*service account/);
    });

    test('is stopped when the job ends', async () => {
      const ending = new AbortController();
      const configured = await plugin(`${notePid()}\nsleep 600`);
      const signingIn = signInWith(configured, server)(ending.signal);
      const pid = await pidOf(configured.command);
      ending.abort(new Error('the worker is stopping'));
      await assert.rejects(signingIn, /the worker is stopping/);
      await assertEnds(pid);
    });

    test('is run again for a later caller', async () => {
      const configured = await plugin(`${count}\ntest -e "$0.ready" || sleep 600\n${print(answer({ token: 'x' }))}`);
      await refused(signInWith(configured, server)(AbortSignal.timeout(500)));
      await scripts.write(`${configured.command.split('/').at(-1)}.ready`, '');
      assert.ok(await signInWith(configured, server)(noSignal));
    });

    test('is not even started if it always requires that', async () => {
      const { message, hint } = await refused(signIn('touch "$0.started"', { interactiveMode: 'Always' }));
      assert.match(message, /requires a person to log in/);
      assert.match(hint!, /service account/);
    });
  });

  describe('that fails is named, with its output', () => {
    const cases: [what: string, script: string, says: RegExp][] = [
      [
        'with a reason',
        'echo "Token has expired, run aws sso login" >&2\nexit 255',
        /exit status 255; it said: Token has/,
      ],
      ['without a word', 'exit 1', /plugin-\d+ .* failed with exit status 1; it said nothing\./],
      ['with an answer that is no JSON', 'echo please log in', /did not answer with an ExecCredential/],
      ['with no answer', 'true', /did not answer with an ExecCredential.*; it said nothing\./],
      [
        'with a reason in place of an answer',
        'echo "Please run az login" >&2',
        /did not answer with an ExecCredential.*; it said: Please run az login\./,
      ],
      ['with too long an answer', 'head -c 2000000 /dev/zero', /wrote more than 1 MB\./],
      [
        'with too many words',
        `head -c 2000000 /dev/zero >&2\n${print(answer({ token: 'x' }))}`,
        /wrote more than 1 MB/,
      ],
      ['with a token of two lines', print(answer({ token: 'a\nb' })), /a token that contains what no token has/],
      ['without a status', print(`{"apiVersion":"${v1}","kind":"ExecCredential"}`), /its status is missing/],
      ['without a credential', print(answer({})), /neither a token nor a certificate/],
      [
        'with half a credential',
        print(answer({ clientCertificateData: 'x' })),
        /a certificate without a key, or a key without a certificate/,
      ],
      [
        'with a broken certificate',
        print(answer({ clientCertificateData: 'x', clientKeyData: 'y' })),
        /cannot be read/,
      ],
      [
        'in another version',
        print(answer({ token: 'x' }, 'client.authentication.k8s.io/v2')),
        /version .*\/v2, but the kubeconfig/,
      ],
    ];
    for (const [what, script, says] of cases)
      test(what, async () => assert.match((await refused(signIn(script))).message, says));
  });

  test('does not reveal its token if something else is wrong with its answer', async () => {
    const { message } = await refused(signIn(print(answer({ token: 'my-secret', expirationTimestamp: 'tomorrow' }))));
    assert.match(message, /status.expirationTimestamp is missing or invalid/);
    assert.doesNotMatch(message, /my-secret/);
  });

  test('is refused if its key does not match its certificate', async () => {
    const authority = await makeAuthority('ca');
    const [{ certificate }, { key }] = [await makeCertificate(authority, 'a'), await makeCertificate(authority, 'b')];
    const script = print(answer({ clientCertificateData: certificate, clientKeyData: key }));
    assert.match((await refused(signIn(script))).message, /does not match its certificate/);
  });

  test('is reported as not installed, with the hint in the kubeconfig', async () => {
    const missing = { command: join(scripts.directory, 'missing'), installHint: 'Install it from example.com.' };
    const { message, hint } = await refused(signInWith({ ...(await plugin('true')), ...missing }, server)(noSignal));
    assert.match(message, /missing .* is not installed/);
    assert.equal(hint, 'Install it from example.com.');
  });

  test('is reported as not executable', async () => {
    const command = await scripts.write('plain', 'true', 0o644);
    const { message } = await refused(signInWith({ ...(await plugin('true')), command }, server)(noSignal));
    assert.match(message, /is not executable/);
  });

  test('is refused if Kubernetes no longer supports its version', async () => {
    const { message } = await refused(signIn('true', { apiVersion: 'client.authentication.k8s.io/v1alpha1' }));
    assert.match(message, /v1alpha1, but only .* are supported/);
  });
});
