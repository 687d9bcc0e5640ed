import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { UserError } from '../../../src/errors.js';
import { runTool } from '../../../src/k8s/tools.js';
import { assertEnds, notePid, pidOf, withExecutables } from '../../support/executables.js';

describe('helm', () => {
  const scripts = withExecutables();

  const run = (args: string[], options: object = {}) => runTool('helm', args, { withinMs: 20_000, ...options });
  async function failed(running: Promise<string>): Promise<UserError> {
    const error: unknown = await running.then(
      () => assert.fail('did not fail'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof UserError, String(error));
    return error;
  }

  test('gets values on standard input, the kubeconfig as a variable, and no secrets', async () => {
    await scripts.write('helm', 'cat\nenv >"$0.env"');
    process.env.REDIS_URL = 'redis://:secret@redis';
    try {
      assert.equal(await run(['upgrade'], { input: 'a: 1', kubeconfig: 'a:b', env: { MORE: 'x' } }), 'a: 1');
    } finally {
      delete process.env.REDIS_URL;
    }
    const environment = await readFile(`${scripts.directory}/helm.env`, 'utf8');
    assert.match(environment, /^KUBECONFIG=a:b$/m);
    assert.match(environment, /^MORE=x$/m);
    assert.doesNotMatch(environment, /redis/i);
  });

  test('is reported with its own error, without secrets, if it fails', async () => {
    await scripts.write('helm', 'echo "Error: token=c2VjcmV0c2VjcmV0c2VjcmV0 is wrong" >&2\nexit 1');
    const { code, message } = await failed(run(['upgrade', '--install', 'vc1']));
    assert.equal(code, 'helm-failed');
    assert.match(message, /`helm upgrade --install` failed: Error: token=\[removed\] is wrong/);
  });

  test('is stopped together with a credential plugin that hangs', async () => {
    const plugin = await scripts.write('plugin', `${notePid()}\nsleep 600`);
    await scripts.write('helm', `echo "waiting for login" >&2\n${plugin}`);
    const { message } = await failed(run(['upgrade'], { withinMs: 700 }));
    assert.match(message, /`helm upgrade` did not finish within .*waiting for login/);
    await assertEnds(await pidOf(plugin));
  });

  test('gets the advice to use a service account if its credential plugin fails', async () => {
    const said =
      'Error: Kubernetes cluster unreachable: Get "https://a:6443/version": getting credentials: exec: executable aws failed with exit code 255';
    await scripts.write('helm', `echo '${said}' >&2\nexit 1`);
    const { code, hint } = await failed(run(['upgrade']));
    assert.equal(code, 'helm-failed');
    assert.match(hint!, /service account/);
  });

  for (const [signal, how, remedy] of [
    ['KILL', /`helm upgrade --install` was killed \(SIGKILL\)$/, /ran out of memory.*memory limit/],
    ['TERM', /`helm upgrade --install` was ended by signal SIGTERM$/, /Find out what sent it/],
  ] as const)
    test(`that is ended by SIG${signal} is reported without its arguments, with what to do`, async () => {
      await scripts.write('helm', `kill -${signal} $$\nsleep 600`);
      const { code, message, hint } = await failed(run(['upgrade', '--install', 'vc1', '--secret=x']));
      assert.equal(code, 'helm-failed');
      assert.match(message, how);
      assert.match(hint!, remedy);
    });

  test('that hangs without a word is reported with what to check', async () => {
    await scripts.write('helm', 'sleep 600');
    const { message, hint } = await failed(run(['template'], { withinMs: 300 }));
    assert.match(message, /`helm template` did not finish within/);
    assert.match(hint!, /waits for does not answer.*Check/);
  });

  for (const said of [
    'Error: write /tmp/helm-1/values.yaml: no space left on device',
    'Error: mkdir /tmp/.helmcache: read-only file system',
    'Error: open /tmp/x: too many open files',
  ])
    test(`that cannot write where the worker runs is not taken for a full node: ${said}`, async () => {
      await scripts.write('helm', `echo '${said}' >&2\nexit 1`);
      const { message, hint } = await failed(run(['upgrade']));
      assert.ok(message.includes(said), message);
      assert.match(hint!, /worker cannot write its temporary files.*free space in its \/tmp/);
    });

  test('that is not executable is reported with what to do', async () => {
    await chmod(await scripts.write('helm', 'true'), 0o644);
    const only = process.env.PATH;
    process.env.PATH = scripts.directory;
    try {
      const { message, hint } = await failed(run(['version']));
      assert.match(message, /`helm version` could not be started: EACCES/);
      assert.match(hint!, /not executable for its user/);
    } finally {
      process.env.PATH = only;
      await chmod(`${scripts.directory}/helm`, 0o755);
    }
  });

  test('ends with the job', async () => {
    const helm = await scripts.write('helm', `${notePid()}\nsleep 600`);
    const ending = new AbortController();
    const running = run(['upgrade'], { signal: ending.signal });
    const pid = await pidOf(helm);
    ending.abort(new Error('the worker is stopping'));
    await assert.rejects(running, /the worker is stopping/);
    await assertEnds(pid);
  });
});

test('a missing tool is reported with what to do', async () => {
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    await assert.rejects(runTool('istioctl', ['version'], { withinMs: 5000 }), /cannot find istioctl/);
  } finally {
    process.env.PATH = path;
  }
});
