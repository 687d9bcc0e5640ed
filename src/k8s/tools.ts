import { execa, ExecaError } from 'execa';
import { UserError, redact, shorten } from '../errors.js';
import { adviceFor } from '../known-failures.js';

/** The command line tools that a worker needs. */
export type Tool = 'helm' | 'istioctl';

export interface ToolCall {
  /** Handed to standard input: values and manifests do not become files or arguments. */
  input?: string;
  /** The file with the host cluster's credentials; undefined in a pod, where the tool finds its service account. */
  kubeconfig?: string | undefined;
  signal?: AbortSignal;
  withinMs: number;
}

/**
 * Runs a tool without a shell and answers with its standard output.
 * @throws UserError `helm-failed`, `helm-missing`, `istioctl-failed`, ... with the tool's own reason, shortened and redacted.
 */
export async function runTool(
  tool: Tool,
  args: string[],
  { input, kubeconfig, signal, withinMs }: ToolCall,
): Promise<string> {
  try {
    const { stdout } = await execa(tool, args, {
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
      ...(kubeconfig !== undefined && { env: { KUBECONFIG: kubeconfig } }),
      ...(signal && { cancelSignal: signal }),
      timeout: withinMs,
      forceKillAfterDelay: 2000,
      maxBuffer: 20_000_000,
    });
    return stdout;
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(tool, args, error);
  }
}

function explain(tool: Tool, args: string[], error: unknown): UserError {
  if (!(error instanceof ExecaError)) throw error;
  const command = `${tool} ${args.slice(0, 2).join(' ')}`;
  if (error.code === 'ENOENT')
    return new UserError(`${tool}-missing`, `The worker cannot find ${tool}.`, {
      hint: `Install ${tool} on the worker's PATH; the image of vcdemo has it.`,
      cause: error,
    });
  if (error.timedOut)
    return new UserError(
      `${tool}-failed`,
      `\`${command}\` did not end in time: ${shorten(redact(String(error.stderr ?? '')))}`,
      {
        cause: error,
      },
    );
  const reason = shorten(redact(String(error.stderr || error.stdout || error.shortMessage)));
  return new UserError(`${tool}-failed`, `\`${command}\` failed: ${reason}`, {
    hint: adviceFor(reason) ?? 'Correct the cause and run the command again: what is done already is kept.',
    cause: error,
  });
}
