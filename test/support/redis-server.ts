import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The path of a server binary, or Docker to run one. */
type RedisServer = string | 'docker';

/** How Redis may be installed on this machine. */
export interface Machine {
  /** Folders of commands, as in the PATH variable. */
  path: string;
  isRoot: boolean;
  isCi: boolean;
  /** Where to put a compiled server. */
  compiledFolder: string;
  /** Asks for consent; undefined without a terminal. */
  ask: ((question: string) => Promise<boolean>) | undefined;
  say(line: string): void;
}

/**
 * Finds Redis or installs it: with the machine's package manager, after asking on a terminal, otherwise only as root or in
 * CI; failing that by compiling it; failing that with Docker.
 * @throws Error that says in one sentence how to get Redis, when nothing works
 */
export async function provideRedisServer(machine: Machine = thisMachine()): Promise<RedisServer> {
  return (
    findServer(machine) ??
    (await installServer(machine)) ??
    (await compileServer(machine)) ??
    (await findDocker(machine)) ??
    noServer(machine)
  );
}

interface PackageManager {
  command: string;
  /** Installs the first of these packages that is available; names differ on older systems. */
  packages: readonly string[];
  install: readonly string[];
  /** Updates the package lists, which a new machine may not have. */
  refresh?: readonly string[];
  /** Must not run as root. */
  isPersonal?: boolean;
  remark?: string;
}

const packageManagers: readonly PackageManager[] = [
  {
    command: 'apt-get',
    packages: ['redis-server', 'valkey-server'],
    install: ['-y', '-o', 'DPkg::Lock::Timeout=120', 'install', '--no-install-recommends'],
    refresh: ['update'],
    remark: 'It also starts Redis as a service of the machine.',
  },
  { command: 'dnf', packages: ['redis', 'valkey'], install: ['-y', 'install'] },
  { command: 'apk', packages: ['redis', 'valkey'], install: ['add', '--no-cache'] },
  { command: 'brew', packages: ['redis', 'valkey'], install: ['install'], isPersonal: true },
];

const installWithinMs = 10 * 60_000;

function findServer({ path, compiledFolder }: Machine): string | undefined {
  return (
    commandIn(path, 'redis-server') ??
    commandIn(path, 'valkey-server') ??
    commandIn(join(compiledFolder, 'stable'), 'redis-server')
  );
}

async function installServer(machine: Machine): Promise<string | undefined> {
  const manager = packageManagers.find(({ command }) => commandIn(machine.path, command));
  if (!manager) return undefined;
  const run = runnerOf(manager, machine);
  const [name = ''] = manager.packages;
  if (!run) {
    machine.say(
      `No Redis found. ${manager.command} could install ${name}, but only as root or after asking on a terminal.`,
    );
    return undefined;
  }
  const { ask, say, isCi } = machine;
  say(`No Redis found. ${manager.command} can install ${name}.${manager.remark ? ` ${manager.remark}` : ''}`);
  if (ask && !isCi && !(await ask(`Install it now? [Y/n] `))) return undefined;
  say(`Installing ${name} with ${manager.command}…`);
  let failure = manager.refresh && (await run(manager.refresh));
  for (const one of manager.packages) {
    failure = await run([...manager.install, one]);
    const server = findServer(machine);
    if (server) return server;
  }
  say(`${manager.command} could not install ${name}: ${failure ?? 'the package contains no redis-server'}`);
  return undefined;
}

/** Runs the package manager; resolves with the reason if it fails. Undefined where it may not run. */
function runnerOf({ command, isPersonal = false }: PackageManager, { path, isRoot, isCi, ask }: Machine) {
  const sudo = commandIn(path, 'sudo');
  if (!ask && !isRoot && !isCi) return undefined;
  if (!isPersonal && !isRoot && !sudo) return undefined;
  // Without a terminal sudo must not wait for a password.
  const prefix = isPersonal || isRoot ? [] : [sudo!, ...(ask && !isCi ? [] : ['-n'])];
  return async (args: readonly string[]): Promise<string | undefined> => {
    const [file = '', ...rest] = [...prefix, commandIn(path, command)!, ...args];
    const { failed, all, shortMessage } = await execa(file, rest, {
      env: { PATH: path, DEBIAN_FRONTEND: 'noninteractive' },
      stdin: 'ignore', // sudo asks at the terminal itself
      all: true,
      reject: false,
      timeout: installWithinMs,
    });
    return failed ? all.trim().split('\n').at(-1) || shortMessage : undefined;
  };
}

/** With the package `redis-memory-server`, which downloads the sources. */
async function compileServer({ path, compiledFolder, say }: Machine): Promise<string | undefined> {
  if (!commandIn(path, 'make') || !(commandIn(path, 'cc') ?? commandIn(path, 'gcc'))) return undefined;
  say('Compiling Redis; this takes a few minutes, but only once…');
  // Without this it accepts sources from any server.
  process.env.npm_config_strict_ssl = 'true';
  const { default: binary } = await import('redis-memory-server/lib/util/RedisBinary.js');
  try {
    return await binary.default.getPath({ downloadDir: compiledFolder, version: 'stable' });
  } catch (error) {
    say(`Compiling Redis failed: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
}

async function findDocker({ path }: Machine): Promise<'docker' | undefined> {
  const docker = commandIn(path, 'docker');
  if (!docker) return undefined;
  const { failed } = await execa(docker, ['version'], { env: { PATH: path }, reject: false, timeout: 20_000 });
  return failed ? undefined : 'docker';
}

function noServer({ path }: Machine): never {
  const manager = packageManagers.find(({ command }) => commandIn(path, command)) ?? packageManagers[0]!;
  throw new Error(
    `Redis is required: install redis-server or valkey-server (${manager.command}: ${manager.packages[0]}) or start Docker, then run this again.`,
  );
}

function commandIn(path: string, name: string): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function thisMachine(): Machine {
  const { PATH = '', CI = '', REDISMS_DOWNLOAD_DIR } = process.env;
  return {
    path: PATH,
    isRoot: process.getuid?.() === 0,
    isCi: !['', '0', 'false'].includes(CI),
    compiledFolder:
      REDISMS_DOWNLOAD_DIR ??
      fileURLToPath(new URL('../../node_modules/.cache/redis-memory-server/redis-binaries', import.meta.url)),
    ask: process.stdin.isTTY && process.stderr.isTTY ? askInTerminal : undefined,
    say: (line) => void process.stderr.write(`${line}\n`),
  };
}

/** Enter means yes; end of input means no. */
async function askInTerminal(question: string): Promise<boolean> {
  // Without `terminal`, Ctrl-C remains a signal.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve('no'));
      lines.question(question, resolve);
    });
    return /^(y|yes|)$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
