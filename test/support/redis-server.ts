import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The path of a server's binary, or Docker, which runs one. */
export type RedisServer = string | 'docker';

/** What may be done on this machine to bring a Redis. */
export interface Machine {
  /** Folders of commands, as in the variable PATH. */
  path: string;
  isRoot: boolean;
  isCi: boolean;
  /** Where a server is compiled to. */
  compiledFolder: string;
  /** Asks whether to go on; undefined where nobody can be asked. */
  ask: ((question: string) => Promise<boolean>) | undefined;
  say(line: string): void;
}

/**
 * Finds a Redis or brings one: by the machine's package manager, which is asked for on a terminal and needs root or CI
 * elsewhere; else compiled; else by Docker.
 * @throws Error that says in one sentence how to get a Redis, when nothing works
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
  /** The first of these packages that can be installed will do; they have other names on older systems. */
  packages: readonly string[];
  install: readonly string[];
  /** Fetches the lists of packages, which a fresh machine may not have. */
  refresh?: readonly string[];
  /** Runs without root, and not as root. */
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
    machine.say(`No Redis found. ${manager.command} could install ${name}, but not without root and nobody to ask.`);
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
  say(`${manager.command} could not install ${name}: ${failure ?? 'it brought no redis-server'}`);
  return undefined;
}

/** Runs the package manager and resolves with the reason when it fails; undefined where it may not run. */
function runnerOf({ command, isPersonal = false }: PackageManager, { path, isRoot, isCi, ask }: Machine) {
  const sudo = commandIn(path, 'sudo');
  if (!ask && !isRoot && !isCi) return undefined;
  if (!isPersonal && !isRoot && !sudo) return undefined;
  // Where nobody can type a password sudo is not to wait for one.
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

/** By the package `redis-memory-server`, which fetches the sources. */
async function compileServer({ path, compiledFolder, say }: Machine): Promise<string | undefined> {
  if (!commandIn(path, 'make') || !(commandIn(path, 'cc') ?? commandIn(path, 'gcc'))) return undefined;
  say('Compiling a Redis, which takes a few minutes, once…');
  // Otherwise it takes sources from whoever answers.
  process.env.npm_config_strict_ssl = 'true';
  const { default: binary } = await import('redis-memory-server/lib/util/RedisBinary.js');
  try {
    return await binary.default.getPath({ downloadDir: compiledFolder, version: 'stable' });
  } catch (error) {
    say(`It could not be compiled: ${(error as Error).message.split('\n')[0]}`);
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
    `A Redis is needed: install redis-server or valkey-server (${manager.command}: ${manager.packages[0]}) or start Docker, then run this again.`,
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

/** Enter is yes; the end of input is no. */
async function askInTerminal(question: string): Promise<boolean> {
  // Without `terminal` Ctrl-C stays a signal.
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
