import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ChildError, runChild } from '../../../src/k8s/child-process.js';
import { assertEnds, makeExecutables, notePid, pidOf, type Executables } from '../../support/executables.js';

describe('a program that the worker starts', () => {
  let scripts: Executables;
  before(async () => (scripts = await makeExecutables()));
  after(() => scripts.remove());

  const failure = async (running: Promise<string>): Promise<ChildError> => {
    const error: unknown = await running.then(
      () => assert.fail('did not fail'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ChildError, String(error));
    return error;
  };
  test('gets its input, and returns its output', async () => {
    const script = await scripts.write('upper', 'tr a-z A-Z');
    assert.equal(await runChild(script, [], { input: 'values', maxBytes: 1000 }), 'VALUES');
  });

  test('has nothing to read if it gets no input', async () => {
    const script = await scripts.write('reads', 'read line && echo "got $line" || echo nothing');
    assert.equal(await runChild(script, [], { maxBytes: 1000 }), 'nothing');
  });

  test("does not see vcdemo's own secrets", async () => {
    process.env.SLACK_BOT_TOKEN = 'xoxb-secret';
    try {
      const script = await scripts.write('environment', 'env');
      const output = await runChild(script, [], { env: { MORE: 'yes' }, maxBytes: 100_000 });
      assert.match(output, /^MORE=yes$/m);
      assert.match(output, /^PATH=/m);
      assert.doesNotMatch(output, /xoxb-secret/);
    } finally {
      delete process.env.SLACK_BOT_TOKEN;
    }
  });

  test('is stopped at its deadline together with its own child processes', async () => {
    const script = await scripts.write('waits', `echo visit https://login >&2\nsleep 600 &\n${notePid('$!')}\nwait`);
    const { facts } = await failure(runChild(script, [], { withinMs: 500, maxBytes: 1000 }));
    assert.equal(facts.isLate, true);
    assert.match(facts.stderr, /visit https:\/\/login/);
    await assertEnds(await pidOf(script));
  });

  test('is killed if it ignores being asked to stop', async () => {
    const script = await scripts.write('deaf', 'trap \'\' TERM\necho $$ >"$0.pid"\nwhile :; do sleep 1; done');
    const aborting = new AbortController();
    const running = runChild(script, [], { signal: aborting.signal, maxBytes: 1000 });
    const pid = await pidOf(script);
    aborting.abort(new Error('the worker is stopping'));
    await assert.rejects(running, /the worker is stopping/);
    await assertEnds(pid);
  });

  test('is stopped if it writes more than the limit', async () => {
    const script = await scripts.write('floods', `${notePid()}\nyes`);
    const { message } = await failure(runChild(script, [], { maxBytes: 10_000 }));
    assert.match(message, /maxBuffer|larger/i);
    await assertEnds(await pidOf(script));
  });

  test('is reported as missing or as not executable', async () => {
    const plain = await scripts.write('plain', 'true', 0o644);
    assert.equal((await failure(runChild(plain, [], { maxBytes: 1000 }))).facts.code, 'EACCES');
    const missing = join(scripts.directory, 'missing');
    assert.equal((await failure(runChild(missing, [], { maxBytes: 1000 }))).facts.code, 'ENOENT');
  });

  test('keeps its exit status and its output if it fails', async () => {
    const script = await scripts.write('fails', 'echo why >&2\nexit 3');
    const { facts } = await failure(runChild(script, [], { maxBytes: 1000 }));
    assert.deepEqual([facts.exitCode, facts.stderr, facts.isLate], [3, 'why', false]);
  });
});
