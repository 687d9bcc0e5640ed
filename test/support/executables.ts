import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { waitFor } from './wait-for.js';

/** A directory of small shell scripts that stand in for the programs that a worker starts. */
export interface Executables {
  directory: string;
  /** Writes a script of these lines of `sh`; returns its path. */
  write(name: string, script: string, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

export async function makeExecutables(): Promise<Executables> {
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-test-'));
  return {
    directory,
    async write(name, script, mode = 0o755) {
      const path = join(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `#!/bin/sh\n${script}\n`, { mode });
      return path;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/**
 * Puts scripts before the programs on the PATH for the tests of a `describe`.
 * @param scripts lines of `sh` by the program's name
 * @returns the scripts; they exist only inside the tests
 */
export function withExecutables(scripts: Record<string, string> = {}): Executables {
  let PATH: string | undefined;
  const executables = {} as Executables;
  before(async () => {
    ({ PATH } = process.env);
    Object.assign(executables, await makeExecutables());
    for (const [name, script] of Object.entries(scripts)) await executables.write(name, script);
    process.env.PATH = `${executables.directory}${delimiter}${PATH}`;
  });
  after(async () => {
    process.env.PATH = PATH;
    await executables.remove();
  });
  return executables;
}

/** A line of a script that records its process ID, or that of its background process (`$!`), for `pidOf`. */
export const notePid = (variable = '$$') => `echo ${variable} >"$0.pid"`;

export async function pidOf(script: string): Promise<number> {
  return await waitFor('a process id', async () => {
    const text = await readFile(`${script}.pid`, 'utf8').catch(() => '');
    return text.endsWith('\n') && Number(text);
  });
}

export async function assertEnds(pid: number): Promise<void> {
  await waitFor(`the end of process ${pid}`, async () => !isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
