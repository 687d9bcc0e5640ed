import { X509Certificate, createPrivateKey } from 'node:crypto';
import { parse } from 'yaml';
import * as z from 'zod';
import { asError, messageOf, UserError } from '../../errors.js';
import { redact, shorten } from '../../redact.js';
import { bearer, isSendable, type Credential, type Server, type SignIn } from './server-access.js';
import { ChildError, runChild } from '../child-process.js';

/*
 * Credential plugins, run as kubectl does: programs that answer with a token or a client certificate.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */

export interface CredentialPlugin {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  apiVersion: string;
  interactiveMode?: 'Never' | 'IfAvailable' | 'Always' | null | undefined;
  installHint?: string | undefined;
  provideClusterInfo: boolean;
  /** The cluster's configuration for the plugin: the extension `client.authentication.k8s.io/exec`. */
  clusterConfig?: unknown;
}

const longestOutput = 1_000_000;
const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
const optional = z.string().nullish();

const execCredential = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: optional,
    clientCertificateData: optional,
    clientKeyData: optional,
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});

/** One run of a plugin, shared by everybody who waits for it. */
interface Run {
  credential: Promise<Credential>;
  waiting: number;
  /** The end of its standard error, where plugins tell people what they are waiting for. */
  said: string;
  stop: () => void;
}

/** What the process remembers about a plugin and its arguments, as in client-go. */
interface Known {
  credential?: Credential;
  /** Milliseconds since 1970; if undefined, the credential is kept until the server refuses it. */
  expires?: number;
  run?: Run | undefined;
}

const known = new Map<string, Known>();

/**
 * Signs in with a plugin; its credential is kept until it expires or the server refuses it.
 * @throws UserError `credential-plugin-failed`
 */
export function signInWith(plugin: CredentialPlugin, server: Server): SignIn {
  const key = JSON.stringify([plugin, plugin.provideClusterInfo && server]);
  return async (signal, refused) => {
    assertUsable(plugin);
    const entry = known.get(key) ?? {};
    known.set(key, entry);
    const { credential, expires = Infinity } = entry;
    if (credential && credential !== refused && Date.now() < expires) return credential;
    return await waitFor((entry.run ??= start(plugin, server, entry)), plugin, signal);
  };
}

/** The run continues as long as anybody waits for it. */
async function waitFor(run: Run, plugin: CredentialPlugin, signal: AbortSignal): Promise<Credential> {
  signal.throwIfAborted();
  run.waiting++;
  let abort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(isTimeout(signal.reason) ? tooLate(plugin, run.said) : asError(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([run.credential, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    if (--run.waiting === 0) run.stop();
  }
}

const isTimeout = (reason: unknown) => reason instanceof DOMException && reason.name === 'TimeoutError';

function start(plugin: CredentialPlugin, server: Server, entry: Known): Run {
  const stopping = new AbortController();
  const leave = () => {
    if (entry.run === run) entry.run = undefined;
  };
  const stop = () => {
    leave();
    stopping.abort();
  };
  const run: Run = { waiting: 0, said: '', stop, credential: answer() };
  run.credential.catch(() => undefined); // whoever waits gets the error
  return run;

  async function answer(): Promise<Credential> {
    try {
      await Promise.resolve(); // until `run` is assigned
      const output = await runChild(plugin.command, plugin.args, {
        env: { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(execInfo(plugin, server)) },
        signal: stopping.signal,
        maxBytes: longestOutput,
        onSaid: (text) => (run.said = (run.said + text).slice(-4000)),
      }).catch((error: unknown) => {
        throw error instanceof ChildError ? notRun(plugin, error) : error;
      });
      const { credential, expires } = credentialIn(output, run.said, plugin);
      Object.assign(entry, { credential, expires });
      return credential;
    } finally {
      leave();
    }
  }
}

/** What a plugin gets in the variable KUBERNETES_EXEC_INFO. */
function execInfo({ apiVersion, provideClusterInfo, clusterConfig }: CredentialPlugin, server: Server): object {
  const cluster = {
    server: server.url,
    'tls-server-name': server.tlsServerName,
    'insecure-skip-tls-verify': server.skipTlsVerify || undefined,
    'certificate-authority-data':
      server.certificateAuthority && Buffer.from(server.certificateAuthority).toString('base64'),
    'proxy-url': server.proxyUrl,
    config: clusterConfig,
  };
  return { apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...(provideClusterInfo && { cluster }) } };
}

/** The output contains secrets, so errors describe it without quoting it. */
function credentialIn(
  output: string,
  said: string,
  plugin: CredentialPlugin,
): { credential: Credential; expires: number | undefined } {
  const { apiVersion, status } = parsedCredential(output, said, plugin);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status;
  if (apiVersion !== plugin.apiVersion)
    throw failure(plugin, `answered with version ${apiVersion}, but the kubeconfig says ${plugin.apiVersion}`);
  if (!token && !certificate && !key) throw failure(plugin, 'answered with neither a token nor a certificate');
  if (!certificate !== !key)
    throw failure(plugin, 'answered with a certificate without a key, or a key without a certificate');
  if (certificate && key) assertPair(certificate, key, plugin);
  if (token && !isSendable(token))
    throw failure(plugin, 'answered with a token that contains what no token has, such as a line break');
  return {
    credential: { ...(certificate && key && { certificate, key }), ...(token && { headers: bearer(token) }) },
    expires: expirationTimestamp ? Date.parse(expirationTimestamp) : undefined,
  };
}

function parsedCredential(output: string, said: string, plugin: CredentialPlugin): z.output<typeof execCredential> {
  let content: unknown;
  try {
    content = parse(output);
  } catch {
    throw failure(plugin, `did not answer with an ExecCredential; ${quoted(said)}`);
  }
  const parsed = execCredential.safeParse(content);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') || 'content';
  throw failure(plugin, `did not answer with an ExecCredential: its ${where} is missing or invalid; ${quoted(said)}`);
}

function assertPair(certificate: string, key: string, plugin: CredentialPlugin): void {
  let isPair: boolean;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw failure(plugin, `answered with a certificate or key that cannot be read: ${messageOf(error)}`);
  }
  if (!isPair) throw failure(plugin, 'answered with a key that does not match its certificate');
}

// ------------------------------------------------------------------ what people are told

function assertUsable(plugin: CredentialPlugin): void {
  if (!versions.includes(plugin.apiVersion))
    throw failure(plugin, `uses apiVersion ${plugin.apiVersion}, but only ${versions.join(' and ')} are supported`, {
      hint: 'Update the plugin and its entry in the kubeconfig.',
    });
  if (plugin.interactiveMode === 'Always')
    throw failure(plugin, 'requires a person to log in (interactiveMode: Always), which a worker cannot do', {
      hint: serviceAccount,
    });
}

const serviceAccount =
  'Give the worker credentials that need no login by a person: a service account of the host cluster, or a machine identity of its cloud.';

function failure(
  { command }: CredentialPlugin,
  what: string,
  {
    hint = `Run \`${command}\` where the worker runs, as its user, and fix what it reports. ${serviceAccount}`,
    cause,
  }: {
    hint?: string;
    cause?: unknown;
  } = {},
): UserError {
  return new UserError(
    'credential-plugin-failed',
    `The credential plugin ${command} of the host cluster's kubeconfig ${what}.`,
    { hint, cause },
  );
}

const tooLate = (plugin: CredentialPlugin, said: string) =>
  failure(plugin, `did not answer in time; ${quoted(said)}`, {
    hint: `It seems to be waiting for a person to log in. ${serviceAccount}`,
  });

function notRun(plugin: CredentialPlugin, error: ChildError): UserError {
  const { code, exitCode, isTooMuch, stderr } = error.facts;
  if (code === 'ENOENT')
    return failure(plugin, 'is not installed', {
      hint: plugin.installHint ?? `Install ${plugin.command} where the worker runs, in its image. ${serviceAccount}`,
      cause: error,
    });
  if (code === 'EACCES') return failure(plugin, 'is not executable for the worker', { cause: error });
  if (isTooMuch) return failure(plugin, `wrote more than ${longestOutput / 1_000_000} MB`, { cause: error });
  const how = exitCode === undefined ? 'was stopped' : `failed with exit status ${exitCode}`;
  return failure(plugin, `${how}; ${quoted(stderr)}`, { cause: error });
}

const quoted = (said: string) =>
  said.trim() ? `it said: ${shorten(redact(said)).replace(/\.$/, '')}` : 'it said nothing';
