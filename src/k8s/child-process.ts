import { execa } from 'execa';
import { toolEnvironment } from '../config.js';
import { seconds } from '../duration.js';

export interface ChildRequest {
  /** Handed to standard input, which is empty otherwise. */
  input?: string | undefined;
  /** Variables besides those of `toolEnvironment`. */
  env?: Record<string, string>;
  signal?: AbortSignal | undefined;
  withinMs?: number;
  /** Of standard output, and of standard error; what writes more is ended. */
  maxBytes: number;
  /** Told what the program writes to standard error, piece by piece. */
  onSaid?: (text: string) => void;
}

/** A program that could not be started, that failed, or that was ended. */
export class ChildError extends Error {
  override readonly name = 'ChildError';

  constructor(
    message: string,
    readonly facts: {
      /** `ENOENT` or `EACCES`, where it did not start. */
      code: string | undefined;
      exitCode: number | undefined;
      isLate: boolean;
      /** May hold secrets. */
      stdout: string;
      /** May hold secrets. */
      stderr: string;
    },
  ) {
    super(message);
  }
}

/**
 * Runs a program without a shell, in a process group of its own: a program that it has started in turn, such as helm's
 * credential plugin, ends with it and cannot keep its output open.
 * @returns standard output
 * @throws ChildError; the signal's reason when it was ended by that
 */
export async function runChild(
  file: string,
  args: readonly string[],
  { input, env, signal, withinMs, maxBytes, onSaid }: ChildRequest,
): Promise<string> {
  signal?.throwIfAborted();
  const child = execa(file, args, {
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    env: { ...toolEnvironment(), ...env },
    extendEnv: false,
    detached: true,
    maxBuffer: maxBytes,
    reject: false,
  });
  if (onSaid) child.stderr.on('data', (chunk: Buffer) => onSaid(chunk.toString('utf8')));
  const group = processGroup(child.pid);
  let isLate = false;
  const deadline = withinMs && setTimeout(() => ((isLate = true), group.end()), withinMs);
  signal?.addEventListener('abort', group.end, { once: true });
  try {
    const result = await Promise.race([child, group.abandoned]);
    signal?.throwIfAborted();
    if (result && !result.failed) return result.stdout;
    if (result?.isMaxBuffer) group.kill();
    throw new ChildError(isLate ? 'it did not finish in time' : (result?.shortMessage ?? 'it was stopped'), {
      code: result?.code,
      exitCode: result?.exitCode,
      isLate,
      stdout: result?.stdout ?? '',
      stderr: result?.stderr ?? '',
    });
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', group.end);
    group.close();
  }
}

/** From the request to end until no more is asked. */
const graceMs = seconds(2);

/** The groups that run now: none outlives this process. */
const running = new Set<number>();
process.on('exit', () => running.forEach(killGroup));

function processGroup(pid: number | undefined) {
  if (pid !== undefined) running.add(pid);
  const timers: NodeJS.Timeout[] = [];
  let abandon = () => {};
  const kill = () => killGroup(pid);
  return {
    /** Asks all to end, and after a while no longer asks. */
    end() {
      signalGroup(pid, 'SIGTERM');
      timers.push(setTimeout(kill, graceMs), setTimeout(abandon, graceMs + seconds(1)));
    },
    kill,
    /** Resolves when even that has not closed their output. */
    abandoned: new Promise<undefined>((resolve) => (abandon = () => resolve(undefined))),
    close() {
      timers.forEach(clearTimeout);
      if (pid !== undefined) running.delete(pid);
    },
  };
}

const killGroup = (pid: number | undefined) => signalGroup(pid, 'SIGKILL');

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}
