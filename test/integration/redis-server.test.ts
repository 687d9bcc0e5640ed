import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa, execaSync } from 'execa';
import { waitFor } from '../support/wait-for.js';
import { provideRedisServer, type Machine } from '../support/redis-server.js';

/* Installing Redis on a machine without it: package managers, sudo, make and docker are small scripts on the PATH. */

let folder = '';
let said: string[] = [];
let asked: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vcdemo-bare-'));
  said = [];
  asked = [];
});
afterEach(() => rm(folder, { recursive: true }));

/** Puts a command on the PATH that records its arguments and then runs the script. */
async function command(name: string, script = ''): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\necho "$(/usr/bin/basename "$0") $*" >> "${folder}/calls"\n${script}\n`);
  await chmod(file, 0o755);
}
const calls = (): string[] =>
  existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];

/** The script of a package manager that installs a server with that package. */
const installs = (packageName: string, server = 'redis-server') => `
case "$*" in
  *"install"*" ${packageName}" | *"add"*" ${packageName}") /bin/ln -s "$0" "${folder}/${server}" ;;
  update | *" update") ;;
  *) echo "E: Unable to locate package" >&2; exit 100 ;;
esac`;

function machine(more: Partial<Machine> = {}): Machine {
  return {
    path: folder,
    isRoot: true,
    isCi: false,
    compiledFolder: join(folder, 'compiled'),
    ask: undefined,
    say: (line) => said.push(line),
    ...more,
  };
}
const answering = (answer: boolean) => async (question: string) => {
  assert.deepEqual(calls(), [], 'asks before it does anything');
  asked.push(question);
  return answer;
};

describe('providing a Redis', () => {
  it('silently uses a redis-server or valkey-server on the PATH, or one that was compiled before', async () => {
    await command('apt-get');
    await mkdir(join(folder, 'compiled/stable'), { recursive: true });
    await command('compiled/stable/redis-server');
    assert.equal(await provideRedisServer(machine()), join(folder, 'compiled/stable/redis-server'));
    await command('valkey-server');
    assert.equal(await provideRedisServer(machine()), join(folder, 'valkey-server'));
    await command('redis-server');
    assert.equal(await provideRedisServer(machine()), join(folder, 'redis-server'));
    assert.deepEqual([calls(), said], [[], []]);
  });

  const managers = [
    {
      manager: 'apt-get',
      name: 'redis-server',
      runs: ['apt-get update', 'apt-get -y -o DPkg::Lock::Timeout=120 install --no-install-recommends redis-server'],
    },
    { manager: 'dnf', name: 'redis', runs: ['dnf -y install redis'] },
    { manager: 'apk', name: 'redis', runs: ['apk add --no-cache redis'] },
    { manager: 'brew', name: 'redis', runs: ['brew install redis'] },
  ];
  for (const { manager, name, runs } of managers)
    it(`installs Redis with ${manager} as root if nobody can be asked, and says so first`, async () => {
      await command(manager, installs(name));
      const say = (line: string) => {
        assert.deepEqual(calls(), [], 'says it before it does anything');
        said.push(line);
      };
      assert.equal(await provideRedisServer(machine({ say })), join(folder, 'redis-server'));
      assert.deepEqual(calls(), runs);
      assert.match(said[0]!, new RegExp(`^No Redis found\\. ${manager} can install ${name}\\.`));
    });

  it('installs with passwordless sudo in CI without root', async () => {
    await command('apt-get', installs('redis-server'));
    await command('sudo', '[ "$1" = -n ] && shift && exec "$@"');
    assert.ok(await provideRedisServer(machine({ isRoot: false, isCi: true })));
    assert.equal(calls()[0], `sudo -n ${folder}/apt-get update`);
    assert.equal(calls()[1], 'apt-get update');
  });

  it('asks on a terminal before it installs', async () => {
    await command('dnf', installs('redis'));
    await command('sudo', 'exec "$@"');
    assert.ok(await provideRedisServer(machine({ isRoot: false, ask: answering(true) })));
    assert.deepEqual(asked, ['Install it now? [Y/n] ']);
    assert.deepEqual(calls(), [`sudo ${folder}/dnf -y install redis`, 'dnf -y install redis']);
  });

  it('asks nobody in CI, even on a terminal', async () => {
    await command('apk', installs('redis'));
    assert.ok(await provideRedisServer(machine({ isCi: true, ask: answering(false) })));
    assert.deepEqual(asked, []);
  });

  it('runs brew as the person, never with sudo', async () => {
    await command('brew', installs('redis'));
    await command('sudo', 'exec "$@"');
    assert.ok(await provideRedisServer(machine({ isRoot: false, ask: answering(true) })));
    assert.deepEqual(calls(), ['brew install redis']);
  });

  it('installs nothing if the answer is no', async () => {
    await command('apt-get', installs('redis-server'));
    await assert.rejects(provideRedisServer(machine({ ask: answering(false) })), /^Error: Redis is required: /);
    assert.deepEqual(calls(), []);
  });

  it('installs nothing without root, outside CI and with nobody to ask, and says what it would have installed', async () => {
    await command('apt-get', installs('redis-server'));
    await command('sudo', 'exec "$@"');
    await assert.rejects(provideRedisServer(machine({ isRoot: false })), /^Error: Redis is required: /);
    assert.deepEqual(calls(), []);
    assert.match(said.join(), /apt-get could install redis-server/);
  });

  it('installs Valkey if the system no longer has Redis', async () => {
    await command('dnf', installs('valkey', 'valkey-server'));
    assert.equal(await provideRedisServer(machine()), join(folder, 'valkey-server'));
    assert.deepEqual(calls(), ['dnf -y install redis', 'dnf -y install valkey']);
  });

  it('says why an installation or a compilation failed, then tries Docker', async () => {
    await command('apt-get', 'echo "E: no network" >&2; exit 100');
    for (const name of ['make', 'cc', 'docker']) await command(name);
    process.env.REDISMS_DOWNLOAD_URL = 'https://127.0.0.1:9/redis.tar.gz';
    assert.equal(await provideRedisServer(machine()), 'docker');
    assert.match(
      said.join('\n'),
      /apt-get could not install redis-server: E: no network[\s\S]*Compiling Redis failed: /,
    );
  });

  it('ends with one sentence if nothing works', async () => {
    await command('docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    await assert.rejects(provideRedisServer(machine()), {
      message:
        'Redis is required: install redis-server or valkey-server (apt-get: redis-server) or start Docker, then run this again.',
    });
  });
});

const endings = ["throw new Error('fails')", "process.kill(process.pid, 'SIGTERM')"];
const started = [
  { what: 'a Redis, even a frozen one', support: 'redis.ts', start: 'startRedis()', then: 'it.freeze()' },
  {
    what: 'a group of servers and sentinels',
    support: 'sentinels.ts',
    start: 'startSentinelGroup()',
    then: 'console.log(new URL(await it.primaryUrl()).port)',
    skip: execaSync('redis-server', ['--version'], { reject: false }).failed,
  },
];

describe('what a test has started', () => {
  for (const { what, support, start, then, skip } of started)
    for (const end of endings)
      it(`stops with its process and keeps no pipe open: ${what}: ${end}`, { skip }, async () => {
        const code = `
          const support = await import('${new URL(`../support/${support}`, import.meta.url).href}');
          const it = await support.${start};
          for (const port of it.ports ?? [it.port]) console.log(port);
          ${then};
          ${end};
          await new Promise(() => setInterval(() => {}, 1000));`;
        const child = execa(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
          reject: false,
          detached: true, // a group of its own, to end what it leaves behind
        });
        try {
          let output = '';
          child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
          let hasClosed = false;
          void child.then(() => (hasClosed = true));
          // Emitted once every process that holds its output has ended.
          await waitFor('the process and its output to end', async () => hasClosed, { withinMs: 30_000 });
          const ports = output.trim().split('\n');
          assert.match(ports[0]!, /^\d+$/);
          for (const port of ports)
            await waitFor(`the end of what listens on port ${port}`, () =>
              fetch(`http://127.0.0.1:${port}`).then(
                () => false,
                ({ cause }: { cause: { code: string } }) => cause.code === 'ECONNREFUSED',
              ),
            );
        } finally {
          try {
            process.kill(-child.pid!, 'SIGKILL');
          } catch {
            // Nothing is left.
          }
        }
      });
});

describe('npm test on a machine without Redis', () => {
  const hasTerminal = !execaSync('script', ['--version'], { reject: false }).failed;
  const provide = [
    process.execPath,
    '--import',
    'tsx',
    fileURLToPath(new URL('../../scripts/provide-redis.ts', import.meta.url)),
  ];
  const environment = () => ({ PATH: folder, CI: '', REDISMS_DOWNLOAD_DIR: join(folder, 'compiled') });

  it(
    'asks on a terminal, where Enter is yes',
    { skip: hasTerminal ? false : 'util-linux has no script here' },
    async () => {
      await command('brew', installs('redis'));
      const { exitCode, stdout } = await execa('/usr/bin/script', ['-qefc', provide.join(' '), '/dev/null'], {
        input: '\n',
        env: { ...environment(), SHELL: '/bin/sh' },
      });
      assert.equal(exitCode, 0);
      assert.match(stdout, /No Redis found\. brew can install redis\.\s+Install it now\? \[Y\/n\]/);
      assert.deepEqual(calls(), ['brew install redis']);
    },
  );

  it('ends with one sentence and a failure if none can be provided', async () => {
    const [file = '', ...args] = provide;
    const { exitCode, stderr } = await execa(file, args, { reject: false, input: '', env: environment() });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^Redis is required: .*\.$/);
  });
});
