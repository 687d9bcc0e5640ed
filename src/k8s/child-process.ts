import { execa } from 'execa';
import { toolEnvironment } from '../config.js';
import { seconds } from '../duration.js';

interface ChildRequest {
  /** Passed on standard input, which is otherwise empty. */
  input?: string | undefined;
  /** Variables in addition to those of `toolEnvironment`. */
  env?: Record<string, string>;
  signal?: AbortSignal | undefined;
  withinMs?: number;
  /** The limit for standard output and for standard error each; a program that writes more is stopped. */
  maxBytes: number;
  /** Called with what the program writes to standard error, piece by piece. */
  onSaid?: (text: string) => void;
}

/** A program could not be started, failed, or was stopped. */
export class ChildError extends Error {
  override readonly name = 'ChildError';

  constructor(
    message: string,
    readonly facts: {
      /** Such as `ENOENT` if it did not start. */
      code: string | undefined;
      /** The signal that ended it, such as `SIGKILL`, unless it wrote too much. */
      killedBy: string | undefined;
      exitCode: number | undefined;
      isLate: boolean;
      /** It was stopped because it wrote more than `maxBytes`. */
      isTooMuch: boolean;
      /** May contain secrets. */
      stdout: string;
      /** May contain secrets. */
      stderr: string;
    },
  ) {
    super(message);
  }
}

/**
 * Runs a program without a shell, in its own process group: a program that it starts in turn, such as helm's credential
 * plugin, is stopped with it and cannot keep its output open.
 * @returns standard output
 * @throws ChildError; the signal's reason if the signal stopped it
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
      killedBy: result?.isMaxBuffer ? undefined : result?.signal,
      exitCode: result?.exitCode,
      isLate,
      isTooMuch: result?.isMaxBuffer ?? false,
      stdout: result?.stdout ?? '',
      stderr: result?.stderr ?? '',
    });
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', group.end);
    group.close();
  }
}

/** The time between asking a process to stop and killing it. */
const graceMs = seconds(2);

/** The process groups that are running; none outlives this process. */
const running = new Set<number>();
process.on('exit', () => running.forEach(killGroup));

function processGroup(pid: number | undefined) {
  if (pid !== undefined) running.add(pid);
  const timers: NodeJS.Timeout[] = [];
  let abandon = () => {};
  const kill = () => killGroup(pid);
  return {
    /** Asks all of them to stop, and kills them after a while. */
    end() {
      signalGroup(pid, 'SIGTERM');
      timers.push(setTimeout(kill, graceMs), setTimeout(abandon, graceMs + seconds(1)));
    },
    kill,
    /** Resolves if even that has not closed their output. */
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
    // The whole group has exited.
  }
}
