import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa, execaSync, type ResultPromise } from 'execa';
import { waitFor } from '../support/wait-for.js';

/* `npm run demo` without the build, as a process: what it prints, how it ends, what it leaves behind. */

const main = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url));

type Demo = ResultPromise<{ reject: false; all: true }>;

interface Running {
  output(): string;
  /** Waits until the text has been printed. */
  shows(pattern: RegExp): Promise<unknown>;
  /** The contents of its directory for temporary files. */
  temporary(): string[];
}

/** `script` (util-linux) gives a command a terminal; if it is not installed, the command reads from a pipe. */
const hasTerminal = !execaSync('script', ['--version'], { reject: false }).failed;
const endOfInput = '\u0004';

/** Runs it with its own directory for temporary files; with `inTerminal`, as if started by a person. */
async function withDemo(
  options: string[],
  use: (demo: Demo, running: Running) => Promise<void>,
  { inTerminal = false } = {},
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-demo-test-'));
  let printed = '';
  const command = [process.execPath, '--import', 'tsx', main, ...options];
  const [file = '', ...args] =
    inTerminal && hasTerminal ? ['script', '-qefc', command.join(' '), '/dev/null'] : command;
  const demo: Demo = execa(file, args, { reject: false, all: true, env: { TMPDIR: directory } });
  demo.all.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')));
  const output = () => printed.replace(/\r|\u001B\[[\d;]*[A-Za-z]/g, '');
  const temporary = () => readdirSync(directory).filter((name) => !name.startsWith('tsx-'));
  const shows = (pattern: RegExp) =>
    waitFor(String(pattern), async () => pattern.test(output()), { withinMs: 60_000, everyMs: 50, seen: output });
  try {
    await use(demo, { output, shows, temporary });
    await demo;
    assert.deepEqual(temporary(), [], 'it leaves nothing behind');
  } finally {
    demo.kill('SIGTERM');
    await demo;
    await rm(directory, { recursive: true });
  }
}

describe('npm run demo', () => {
  it('accepts lines and button numbers in a terminal, and shows the channel until the end of input', async () => {
    const talk = async (demo: Demo, { output, shows }: Running) => {
      demo.stdin.write('/vcdemo create mine\n'); // typed before it is ready
      await shows(/Type \/vcdemo create/);
      const page = /http:\/\/127\.0\.0\.1:\d+/.exec(output())![0];
      await shows(/Demo mine of @alice is ready[\s\S]*📄 .*mine\.kubeconfig\.yaml/);
      assert.match(await (await fetch(page)).text(), /Demo <b>mine<\/b>[\s\S]*simulated cluster/);
      demo.stdin.write('/vcdemo delete mine\n');
      // The first button cancelled the create, and is gone.
      await shows(/\[2\] Delete mine   \[3\] Cancel/);
      demo.stdin.write('3\n');
      await shows(/Nothing was changed/);
      assert.doesNotMatch(
        await (await fetch(page)).text(),
        /\[3\] Cancel|>Cancel</,
        'the question is gone, and its buttons with it',
      );
      demo.stdin.write('2\n');
      await shows(/There is no button 2/);
      demo.stdin.write('/vcdemo kubeconfig mine\n');
      await shows(/direct message to alice\n +Your kubeconfig for demo mine/);
      demo.stdin.write('/vcdemo delete mine\n');
      await shows(/\[4\] Delete mine/);
      demo.stdin.write('4\n');
      await shows(/Deleting demo mine/);
      if (hasTerminal) demo.stdin.write(endOfInput);
      else demo.stdin.end();
      await shows(/Demo mine has been deleted/); // work in progress is waited for
      assert.equal((await demo).exitCode, 0);
    };
    await withDemo([], talk, { inTerminal: true });
  });

  it('exits with 1 and the reason if a command of the script fails', async () => {
    await withDemo(['--fault', 'forbidden', '--script', 'create; verify'], async (demo, { output }) => {
      assert.equal((await demo).exitCode, 1);
      assert.match(output(), /Failed: create: .*does not have all the permissions/);
      assert.doesNotMatch(output(), /\/vcdemo verify`\n/);
    });
    await withDemo(['--script', 'delte mine; list'], async (demo, { output }) => {
      assert.equal((await demo).exitCode, 1);
      assert.match(output(), /Failed: delte mine: .*There is no command "delte"/);
    });
  });

  it('stops everything on Ctrl-C, even while it is starting', async () => {
    await withDemo([], async (demo, { shows }) => {
      await shows(/Type \/vcdemo create/);
      demo.kill('SIGINT');
      assert.equal((await demo).exitCode, 0);
    });
    await withDemo([], async (demo, { temporary }) => {
      await waitFor('Redis', async () => temporary().some((name) => name.startsWith('vcdemo-redis')), { everyMs: 10 });
      demo.kill('SIGINT');
      await demo;
    });
  });

  it('explains why it does not understand options', async () => {
    await withDemo(['--fault', 'gremlins'], async (demo, { output }) => {
      assert.equal((await demo).exitCode, 2);
      assert.match(output(), /There is no fault gremlins[\s\S]*pods-pending/);
    });
  });

  it('says in one sentence how to get a Redis if there is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vcdemo-no-redis-'));
    try {
      const { exitCode, stderr } = await execa(process.execPath, ['--import', 'tsx', main, '--script', 'list'], {
        reject: false,
        // The package would download and compile one.
        env: {
          PATH: directory,
          REDISMS_DOWNLOAD_URL: 'http://127.0.0.1:9/redis.tar.gz',
          REDISMS_DOWNLOAD_DIR: directory,
        },
      });
      assert.equal(exitCode, 1);
      assert.match(stderr, /Redis is required: install redis-server or valkey-server/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
