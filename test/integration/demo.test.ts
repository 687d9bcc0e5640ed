import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import { waitFor } from '../../demo/wait-for.js';

/* `npm run demo` without the build, as a process: what it prints, how it ends, what it leaves. */

const main = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

/** Runs it with a directory of its own for temporary files. */
async function withDemo(
  options: string[],
  use: (demo: ResultPromise<{ reject: false; all: true }>, output: () => string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-demo-test-'));
  let output = '';
  const demo = execa(process.execPath, ['--import', 'tsx', main, ...options], {
    reject: false,
    all: true,
    env: { TMPDIR: directory },
  });
  demo.all.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  try {
    await use(demo, () => output);
    await demo;
    assert.deepEqual(
      readdirSync(directory).filter((name) => !name.startsWith('tsx-')),
      [],
      'it leaves nothing behind',
    );
  } finally {
    demo.kill('SIGTERM');
    await demo;
    await rm(directory, { recursive: true });
  }
}

describe('npm run demo', () => {
  it('takes lines and numbers of buttons, and shows what the channel shows', async () => {
    await withDemo([], async (demo, output) => {
      const shows = (pattern: RegExp) =>
        waitFor(String(pattern), async () => pattern.test(output()), { withinMs: 60_000, everyMs: 50, seen: output });
      await shows(/Type \/vcdemo create/);
      const page = /http:\/\/127\.0\.0\.1:\d+/.exec(output())![0];
      demo.stdin.write('/vcdemo create mine\n');
      await shows(/Demo mine of @alice is ready[\s\S]*📄 .*mine\.kubeconfig\.yaml/);
      assert.match(await (await fetch(page)).text(), /Demo <b>mine<\/b>[\s\S]*simulated cluster/);
      demo.stdin.write('/vcdemo delete mine\n');
      await shows(/\[1\] Delete mine   \[2\] Keep it/);
      demo.stdin.write('1\n');
      await shows(/Demo mine is deleted/);
      demo.stdin.end();
      assert.equal((await demo).exitCode, 0);
    });
  });

  it('ends with 1 when something of the script fails, with what', async () => {
    await withDemo(['--fault', 'forbidden', '--script', 'create; verify'], async (demo, output) => {
      assert.equal((await demo).exitCode, 1);
      assert.match(output(), /It did not work: create: .*lacks rights/);
      assert.doesNotMatch(output(), /\/vcdemo verify`\n/);
    });
  });

  it('takes everything down on Ctrl-C', async () => {
    await withDemo([], async (demo, output) => {
      await waitFor('it', async () => output().includes('Type /vcdemo create'), { seen: output });
      demo.kill('SIGINT');
      assert.equal((await demo).exitCode, 0);
    });
  });

  it('explains options that it does not understand', async () => {
    await withDemo(['--fault', 'gremlins'], async (demo, output) => {
      assert.equal((await demo).exitCode, 2);
      assert.match(output(), /There is no fault gremlins[\s\S]*pods-pending/);
    });
  });

  it('says in one sentence how to get a Redis where there is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-no-redis-'));
    try {
      const { exitCode, stderr } = await execa(process.execPath, ['--import', 'tsx', main, '--script', 'list'], {
        reject: false,
        // The package would fetch and compile one.
        env: {
          PATH: directory,
          REDISMS_DOWNLOAD_URL: 'http://127.0.0.1:9/redis.tar.gz',
          REDISMS_DOWNLOAD_DIR: directory,
        },
      });
      assert.equal(exitCode, 1);
      assert.match(stderr, /A Redis is needed: install redis-server or valkey-server/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
