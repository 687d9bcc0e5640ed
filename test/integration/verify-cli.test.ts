import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { startApiStub, status, type ApiStub } from '../support/api-stub.js';

/* npm run verify, as a process: what it says of wrong arguments, and its exit status. */

describe('verify from the command line', () => {
  let directory: string;
  let file: string;
  let stubs: ApiStub[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vcdemo-verify-'));
    file = join(directory, 'kubeconfig');
    stubs = await Promise.all([1, 2].map(() => startApiStub(status(503))));
    const entries = stubs.map(({ url, authority }, index) => ({
      name: ['east', 'west'][index]!,
      server: url,
      'certificate-authority-data': Buffer.from(authority.certificate).toString('base64'),
    }));
    const kubeconfig = {
      clusters: entries.map(({ name, ...cluster }) => ({ name, cluster })),
      users: [{ name: 'me', user: { token: 'secret-token' } }],
      contexts: entries.map(({ name }) => ({ name, context: { cluster: name, user: 'me' } })),
    };
    await writeFile(file, stringify(kubeconfig), { mode: 0o600 });
  });
  after(async () => {
    for (const stub of stubs) stub.close();
    await rm(directory, { recursive: true });
  });

  const run = (...args: string[]) =>
    execa(process.execPath, ['--import', 'tsx', 'scripts/verify.ts', ...args], {
      reject: false,
      env: { KUBECONFIG: '' },
      timeout: 120_000,
    });

  const wrong: [string, () => string[], RegExp][] = [
    ['the same context twice', () => ['--kubeconfig', file, '--contexts', 'east,east'], /two contexts/],
    ['no file', () => ['--contexts', 'east,west'], /--kubeconfig or KUBECONFIG names the file/],
    ['a file that does not exist', () => ['--kubeconfig', `${file}-2`, '--contexts', 'east,west'], /-2 does not exist/],
    [
      'a context that does not exist',
      () => ['--kubeconfig', file, '--contexts', 'east,south'],
      /south .* does not exist/,
    ],
    [
      'shares that are none',
      () => ['--kubeconfig', file, '--contexts', 'east,west', '--expect', 'v1=0,v2=0'],
      /"v1=0,v2=0" is not a list of shares/,
    ],
    [
      'too many requests',
      () => ['--kubeconfig', file, '--contexts', 'east,west', '--requests', '1001'],
      /"1001" is not a number between 1 and 1000/,
    ],
    ['an option that it does not have', () => ['--context', 'east,west'], /'--context'/],
  ];
  for (const [topic, args, said] of wrong)
    it(`says what is wrong with ${topic}, shows how it is used, and exits with 2`, async () => {
      const { exitCode, stdout, stderr } = await run(...args());
      assert.equal(exitCode, 2);
      assert.match(stderr, said);
      assert.match(stderr, /Usage: npm run -s verify/);
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
      assert.equal(stdout, '');
    });

  it('exits with 1 and says why if the clusters do not answer, as text or as JSON, and never shows a token', async () => {
    const args = ['--kubeconfig', file, '--contexts', 'east,west'];
    const [text, json] = await Promise.all([run(...args), run(...args, '--json')]);
    assert.deepEqual([text.exitCode, json.exitCode], [1, 1], text.stderr);
    assert.match(text.stdout, /^FAIL {2}from every cluster|^FAIL {2}from east/);
    assert.match(text.stdout, /Cause: a virtual cluster is down/);
    const { verdict, causes } = JSON.parse(json.stdout) as { verdict: string; causes: { isRepairable: boolean }[] };
    assert.deepEqual([verdict, causes[0]?.isRepairable], ['fail', false]);
    assert.doesNotMatch(text.stdout + json.stdout, /secret-token/);
  });
});
