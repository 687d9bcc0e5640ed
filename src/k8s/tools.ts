import type { DemoConfig } from '../config.js';
import { formatDuration, seconds } from '../duration.js';
import { UserError } from '../errors.js';
import { adviceFor, workerRoomAdvice } from '../known-failures.js';
import { ToolLostApi, ToolRefused } from './client/api-errors.js';
import { untilServing, type Cluster } from './client/cluster.js';
import { ChildError, runChild } from './child-process.js';
import { helmReason } from './helm-reason.js';
import { redact, shorten } from '../redact.js';

/** The command line tools that a worker needs. */
type Tool = 'helm' | 'istioctl';

interface ToolCall {
  /** Passed on standard input, so that values and manifests do not become files or arguments. */
  input?: string;
  /** Variables in addition to those that every tool gets. */
  env?: Record<string, string>;
  /** The file with the host cluster's credentials; undefined in a pod, where the tool finds its service account. */
  kubeconfig?: string | undefined;
  signal?: AbortSignal;
  withinMs: number;
}

/**
 * Runs a tool without a shell and returns its standard output.
 * @throws UserError `helm-failed`, `helm-missing`, `istioctl-failed`, ... with the tool's own reason, shortened and redacted.
 */
export async function runTool(
  tool: Tool,
  args: string[],
  { input, env, kubeconfig, signal, withinMs }: ToolCall,
): Promise<string> {
  try {
    return await runChild(tool, args, {
      input,
      env: { ...env, ...(kubeconfig !== undefined && { KUBECONFIG: kubeconfig }) },
      signal,
      withinMs,
      maxBytes: longestOutput,
    });
  } catch (error) {
    throw error instanceof ChildError ? explain(tool, args, withinMs, error) : error;
  }
}

/** istioctl renders a few megabytes. */
const longestOutput = 20_000_000;

/**
 * Checks that helm and istioctl exist in versions that fit the configuration: helm 3.8 or newer, and istioctl within one
 * minor version of the Istio that it installs.
 * @throws UserError `helm-missing`, `istioctl-missing`, `helm-unsupported`, `istioctl-unsupported`
 * @see https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew
 */
export async function assertTools({ istio }: Pick<DemoConfig, 'istio'>): Promise<void> {
  const [helm, istioctl] = await Promise.all([
    runTool('helm', ['version', '--short'], { withinMs: seconds(30) }),
    runTool('istioctl', ['version', '--remote=false', '--short'], { withinMs: seconds(30) }),
  ]);
  const [major, minor] = versionIn(helm);
  if (major < 3 || (major === 3 && minor < 8)) throw unsupported('helm', helm, '3.8 or newer');
  const [istioMajor, istioMinor] = versionIn(istio.tag);
  const [toolMajor, toolMinor] = versionIn(istioctl);
  // A tag such as `latest`, or that of a private build, does not say which version it is.
  if (istioMajor > 0 && (toolMajor !== istioMajor || Math.abs(toolMinor - istioMinor) > 1))
    throw unsupported('istioctl', istioctl, `within one minor version of istio.tag, ${istio.tag}`);
}

/** Major and minor version; zeros if there is none. */
function versionIn(text: string): [number, number] {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}

function unsupported(tool: Tool, found: string, wanted: string): UserError {
  return new UserError(`${tool}-unsupported`, `The worker's ${tool} is ${found.trim()}; it must be ${wanted}.`, {
    hint: `Install such a version of ${tool}, or build the image with it (docs/deploy.md).`,
  });
}

/** A request of helm to the API, as opposed to a chart repository, before the reason why it failed. */
const apiRequest =
  /"https?:\/\/[^"\s]*\/(version|api|apis|openapi|api\/v1\/[^"\s]*|(apis|openapi)\/[^"\s]*)(\?[^"\s]*)?": /;

/** What an API server says that is starting, stopping or overloaded, as helm quotes it. */
const apiFails =
  /etcdserver: |apiserver (not ready|is shutting down)|received too many requests|Too many requests, please|unable to handle the request|return a response in the time allotted|an error on the server \(|Timeout: request did not complete|Internal error occurred: |not yet ready to handle request|storage is \(re\)initializing|error when reading response body/;

/** Reasons why a request of helm failed that do not pass by themselves. */
const notPassing = /x509: |getting credentials/;

/** What helm says if the API did not accept who the worker is, or what it may do. */
const apiRefused = /User "[^"]*" cannot \w+ resource|: Unauthorized\b|has asked for the client to provide credentials/;

/**
 * Runs helm once more if the API refused it: an API server that has just started refuses everybody until it has read
 * accounts and roles.
 */
export async function onceMoreIfRefused(host: Cluster, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ToolRefused)) throw error;
    await untilServing(host.request);
    await work();
  }
}

/** What to do if the operating system does not start a tool. */
const startRemedies: Partial<Record<string, string>> = {
  EACCES: "The file on the worker's PATH is not executable for its user: correct its permissions, or the image.",
  EMFILE: 'The worker has too many open files: raise its limit (`ulimit -n`), or lower WORKER_CONCURRENCY.',
  ENFILE: "The worker's machine has too many open files: raise its limit, or find what opens them.",
  EAGAIN: 'The worker may not start more processes: raise the limit of processes of its pod or user.',
  ENOMEM: "The worker's memory is full: raise its memory limit, or lower WORKER_CONCURRENCY.",
};

/** What tools say if they cannot write where the worker runs. */
const noRoom = /no space left on device|disk quota exceeded|read-only file system|too many open files/;

function explain(tool: Tool, args: string[], withinMs: number, error: ChildError): UserError {
  const { code, killedBy, isLate, stderr, stdout } = error.facts;
  const command = `${tool} ${args.slice(0, 2).join(' ')}`;
  if (code === 'ENOENT')
    return new UserError(`${tool}-missing`, `The worker cannot find ${tool}.`, {
      hint: `Install ${tool} on the worker's PATH; the vcdemo image contains it.`,
      cause: error,
    });
  const failed = (how: string, hint: string) =>
    new UserError(`${tool}-failed`, `\`${command}\` ${how}`, { hint, cause: error });
  if (isLate) {
    const said = shorten(redact(stderr));
    return failed(
      `did not finish within ${formatDuration(withinMs)}${said && `: ${said}`}`,
      adviceFor(said) ??
        `Something that ${tool} waits for does not answer, such as the chart repository or the cluster, or the worker has too little CPU. Check both, then run the command again.`,
    );
  }
  if (killedBy === 'SIGKILL')
    return failed(
      `was killed (${killedBy})`,
      'Most likely the worker ran out of memory: raise its memory limit, or lower WORKER_CONCURRENCY. Then run the command again: what is already done is kept.',
    );
  if (killedBy !== undefined)
    return failed(
      `was ended by signal ${killedBy}`,
      'Find out what sent it to the worker, then run the command again: what is already done is kept.',
    );
  const startRemedy = startRemedies[code ?? ''];
  if (startRemedy !== undefined) return failed(`could not be started: ${code}`, startRemedy);
  const reason = shorten(redact(helmReason(stderr) || stdout || error.message));
  if ((apiRequest.test(reason) || apiFails.test(reason)) && !notPassing.test(reason))
    return new ToolLostApi(`${tool}-lost-api`, `\`${command}\` failed: ${reason}`, { cause: error });
  const Failure = apiRefused.test(reason) ? ToolRefused : UserError;
  return new Failure(`${tool}-failed`, `\`${command}\` failed: ${reason}`, {
    hint: noRoom.test(reason)
      ? workerRoomAdvice
      : (adviceFor(reason) ?? 'Fix the cause and run the command again: what is already done is kept.'),
    cause: error,
  });
}
