import { execa, ExecaError } from 'execa';
import { UserError, redact, shorten } from '../errors.js';

/** The command line tools that a worker needs. */
export type Tool = 'helm' | 'istioctl';

export interface ToolCall {
  /** Handed to standard input: values and manifests do not become files or arguments. */
  input?: string;
  /** The file with the host cluster's credentials; undefined in a pod, where the tool finds its service account. */
  kubeconfig?: string | undefined;
  signal: AbortSignal;
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
      cancelSignal: signal,
      timeout: withinMs,
      forceKillAfterDelay: 2000,
      maxBuffer: 20_000_000,
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
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

/** What people can do about failures of the tools that are known. */
const knownFailures: readonly [pattern: RegExp, advice: string][] = [
  [
    /not currently held|attempting to grant RBAC permissions/i,
    'The worker may not grant what the vcluster chart grants: give its role the same rules.',
  ],
  [
    /another operation .* is in progress/i,
    'An earlier helm run was cut off: run create again, it clears the pending release.',
  ],
  [
    /no such host|connection refused|i\/o timeout/i,
    'The worker cannot reach the chart repository or the cluster: check its network and proxy settings.',
  ],
  [
    /not found|no chart (name|version) found/i,
    'Check vcluster.chart, vcluster.repository and vcluster.version in the configuration.',
  ],
  [
    /unknown field|could not unmarshal/i,
    'Check istio.operator in the configuration: this istioctl does not know one of its fields.',
  ],
];

function adviceFor(reason: string): string | undefined {
  return knownFailures.find(([pattern]) => pattern.test(reason))?.[1];
}
