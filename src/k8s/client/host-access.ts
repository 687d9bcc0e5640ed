import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, UserError } from '../../errors.js';
import { proxyFor } from '../../proxy.js';
import { bearer, type Access, type Credential, type Server, type SignIn } from './server-access.js';
import { signInWith } from './credential-plugin.js';

/*
 * The host cluster's credentials, read as kubectl reads them.
 * @see https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */

interface HostEnvironment {
  KUBECONFIG?: string | undefined;
  KUBERNETES_SERVICE_HOST?: string | undefined;
  KUBERNETES_SERVICE_PORT?: string | undefined;
}

/**
 * How to reach the host cluster: with the files named by KUBECONFIG, otherwise with the pod's service account.
 * @throws UserError `no-credentials`
 */
export function hostAccess(environment: HostEnvironment, serviceAccount = serviceAccountDirectory): Access {
  if (environment.KUBECONFIG) return accessFrom(environment.KUBECONFIG);
  if (environment.KUBERNETES_SERVICE_HOST) return podAccess(environment, serviceAccount);
  throw failed('There are no credentials for a host cluster: KUBECONFIG is not set and this is not a pod');
}

function failed(reason: string, cause?: unknown): UserError {
  return new UserError('no-credentials', `${reason}.`, {
    hint: 'Set KUBECONFIG to a readable kubeconfig of the host cluster, or run the worker in a pod with a service account.',
    cause,
  });
}

// ------------------------------------------------------------------ in a pod

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

function podAccess(environment: HostEnvironment, directory: string): Access {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const file = (name: string) => resolve(directory, name);
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    server: {
      url,
      proxyUrl: proxyFor(new URL(url)),
      certificateAuthority: contentOf(file('ca.crt')),
    },
    namespace: existsSync(file('namespace')) ? contentOf(file('namespace')).trim() : undefined,
    signIn: signInAs({ tokenFile: file('token') }),
  };
}

// ------------------------------------------------------------------ kubeconfig files

const optional = z
  .string()
  .nullish()
  .transform((text) => text || undefined);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const list = <Entry extends z.ZodType>(entry: Entry) =>
  z
    .array(entry)
    .nullish()
    .transform((entries) => entries ?? []);

const clusterEntry = z.object({
  server: optional,
  'certificate-authority': optional,
  'certificate-authority-data': optional,
  'insecure-skip-tls-verify': flag,
  'tls-server-name': optional,
  'proxy-url': optional,
  extensions: list(z.object({ name: z.string(), extension: z.unknown() })),
});

const userEntry = z.object({
  'client-certificate': optional,
  'client-certificate-data': optional,
  'client-key': optional,
  'client-key-data': optional,
  token: optional,
  tokenFile: optional,
  username: optional,
  password: optional,
  as: optional,
  'as-uid': optional,
  'as-groups': list(z.string()),
  'as-user-extra': z
    .record(z.string(), z.array(z.string()))
    .nullish()
    .transform((extra) => extra ?? {}),
  'auth-provider': z.object({ name: z.string(), config: z.record(z.string(), z.string()).nullish() }).nullish(),
  exec: z
    .object({
      command: z.string().min(1),
      args: list(z.string()),
      env: list(z.object({ name: z.string(), value: z.string() })),
      apiVersion: z.string(),
      interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
      installHint: optional,
      provideClusterInfo: flag,
    })
    .nullish(),
});

const contextEntry = z.object({ cluster: optional, user: optional, namespace: optional });

const kubeconfig = z.object({
  'current-context': optional,
  clusters: list(z.object({ name: z.string(), cluster: clusterEntry.nullish() })),
  contexts: list(z.object({ name: z.string(), context: contextEntry.nullish() })),
  users: list(z.object({ name: z.string(), user: userEntry.nullish() })),
});

type ClusterEntry = z.output<typeof clusterEntry>;
type UserEntry = z.output<typeof userEntry>;

interface Merged {
  currentContext: string | undefined;
  clusters: Map<string, ClusterEntry>;
  contexts: Map<string, z.output<typeof contextEntry>>;
  users: Map<string, UserEntry>;
}

/**
 * How to reach the cluster of one context of a kubeconfig, which may be several files as in KUBECONFIG.
 * @throws UserError `no-credentials`
 */
export const contextAccess = (paths: string, context: string): Access => accessFrom(paths, context);

/** If several files say the same thing, the first wins; files that do not exist are ignored. */
function accessFrom(paths: string, asked?: string): Access {
  const files = [...new Set(paths.split(delimiter).filter(Boolean))];
  const present = files.filter((file) => existsSync(file));
  if (present.length === 0) throw failed(`The kubeconfig ${files.join(' or ')} does not exist`);
  const merged: Merged = { currentContext: undefined, clusters: new Map(), contexts: new Map(), users: new Map() };
  for (const file of present) mergeFile(file, merged);
  const currentContext = asked ?? merged.currentContext;
  if (currentContext === undefined) throw failed(`The kubeconfig ${present.join(', ')} has no current-context`);
  const context = merged.contexts.get(currentContext);
  const cluster = merged.clusters.get(context?.cluster ?? '');
  const user = context?.user === undefined ? emptyUser : merged.users.get(context.user);
  const problem = !context
    ? asked === undefined
      ? 'is not among its contexts'
      : 'does not exist'
    : !cluster
      ? `names the cluster ${context.cluster}, which is not among its clusters`
      : !user
        ? `names the user ${context.user}, which is not among its users`
        : !cluster.server && `names the cluster ${context.cluster}, which has no server`;
  if (problem || !context || !cluster?.server || !user)
    throw failed(
      `The ${asked === undefined ? 'current ' : ''}context ${currentContext} of the kubeconfig ${present.join(', ')} ${problem}`,
    );
  const server = serverOf(cluster, cluster.server);
  return {
    server,
    namespace: context.namespace,
    signIn: signInOf(user, server, cluster),
    headers: impersonation(user),
  };
}

const emptyUser: UserEntry = userEntry.parse({});

function mergeFile(file: string, merged: Merged): void {
  const content = readKubeconfig(file);
  merged.currentContext ??= content['current-context'];
  const directory = dirname(file);
  const own = <Entry>(entries: [string, Entry][], into: Map<string, Entry>) => {
    for (const [name, entry] of entries) if (!into.has(name)) into.set(name, entry);
  };
  own(
    content.contexts.map(({ name, context }) => [name, context ?? contextEntry.parse({})]),
    merged.contexts,
  );
  own(
    content.clusters.map(({ name, cluster }) => [name, withPaths(cluster ?? clusterEntry.parse({}), directory)]),
    merged.clusters,
  );
  own(
    content.users.map(({ name, user }) => [name, withPaths(user ?? emptyUser, directory)]),
    merged.users,
  );
}

function readKubeconfig(file: string): z.output<typeof kubeconfig> {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw failed(`The host cluster's kubeconfig cannot be read: ${file}: ${messageOf(error)}`, error);
  }
  const parsed = kubeconfig.safeParse(content ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw failed(`The host cluster's kubeconfig ${file} cannot be used: ${problems.join('; ')}`);
}

/** Paths are relative to the file that names them; a command without a slash is looked up on the PATH. */
function withPaths<Entry extends Partial<ClusterEntry & UserEntry>>(entry: Entry, directory: string): Entry {
  const absolute = (path: string | undefined) => path && resolve(directory, path);
  const { exec } = entry;
  return {
    ...entry,
    'certificate-authority': absolute(entry['certificate-authority']),
    'client-certificate': absolute(entry['client-certificate']),
    'client-key': absolute(entry['client-key']),
    tokenFile: absolute(entry.tokenFile),
    ...(exec?.command.includes('/') && { exec: { ...exec, command: resolve(directory, exec.command) } }),
  };
}

// ------------------------------------------------------------------ one cluster and one user

function serverOf(cluster: ClusterEntry, address: string): Server {
  const { 'certificate-authority-data': data, 'certificate-authority': file } = cluster;
  const certificateAuthority = data ? decoded(data, 'certificate-authority-data') : file && contentOf(file);
  if (certificateAuthority && cluster['insecure-skip-tls-verify'])
    throw failed('The kubeconfig has both a certificate-authority and insecure-skip-tls-verify: remove one of them');
  const url = address.includes('://') ? address : `https://${address}`;
  if (!URL.canParse(url)) throw failed(`The kubeconfig's server ${address} is not an address`);
  return {
    url: url.replace(/\/+$/, ''),
    certificateAuthority: certificateAuthority || undefined,
    tlsServerName: cluster['tls-server-name'],
    proxyUrl: cluster['proxy-url'] ?? proxyFor(new URL(url)),
    skipTlsVerify: cluster['insecure-skip-tls-verify'],
  };
}

function signInOf(user: UserEntry, server: Server, { extensions }: ClusterEntry): SignIn {
  const { exec, 'auth-provider': provider, username, tokenFile } = user;
  if (provider && provider.name !== 'oidc')
    throw new UserError(
      'no-credentials',
      `The kubeconfig signs in with the auth-provider ${provider.name}, which Kubernetes no longer supports.`,
      { hint: "Use your cloud's credential plugin (`exec`), or a service account of the host cluster." },
    );
  const fixed: FixedUser = {
    certificate: contentFrom(user['client-certificate-data'], user['client-certificate'], 'client-certificate-data'),
    key: contentFrom(user['client-key-data'], user['client-key'], 'client-key-data'),
    token: user.token ?? provider?.config?.['id-token'],
    tokenFile,
    basic: username === undefined ? undefined : `${username}:${user.password ?? ''}`,
  };
  // As in client-go, a plugin is used only if there are no other credentials.
  if (!exec || Object.values(fixed).some((value) => value !== undefined)) return signInAs(fixed);
  return signInWith(
    {
      ...exec,
      env: Object.fromEntries(exec.env.map(({ name, value }) => [name, value])),
      clusterConfig: extensions.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension,
    },
    server,
  );
}

/** A text, or the file that contains it: read again for each request, because the file may be rewritten. */
type Content = string | { file: string };

function contentFrom(data: string | undefined, file: string | undefined, field: string): Content | undefined {
  if (data !== undefined) return decoded(data, field);
  return file === undefined ? undefined : { file };
}

interface FixedUser {
  certificate?: Content | undefined;
  key?: Content | undefined;
  token?: string | undefined;
  /** Takes precedence over `token`. */
  tokenFile?: string | undefined;
  /** User name and password. */
  basic?: string | undefined;
}

function signInAs({ certificate, key, token, tokenFile, basic }: FixedUser): SignIn {
  const textOf = async (from: Content | undefined) =>
    typeof from === 'object' ? await readFile(from.file, 'utf8').catch(unreadable(from.file)) : from;
  return async (): Promise<Credential> => {
    const bearerToken = tokenFile === undefined ? token : (await textOf({ file: tokenFile }))?.trim();
    return {
      certificate: await textOf(certificate),
      key: await textOf(key),
      ...(basic !== undefined && { headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` } }),
      ...(bearerToken && { headers: bearer(bearerToken) }),
    };
  };
}

/** Requests in somebody else's name. @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonation(user: UserEntry): Record<string, string | string[]> {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user;
  return {
    ...(as && { 'impersonate-user': as }),
    ...(uid && { 'impersonate-uid': uid }),
    ...(groups.length > 0 && { 'impersonate-group': groups }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key)}`, values]),
    ),
  };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return unreadable(file)(error);
  }
}

const unreadable =
  (file: string) =>
  (error: unknown): never => {
    throw failed(`The host cluster's credentials cannot be read: ${file}: ${messageOf(error)}`, error);
  };

/** Base64-encoded PEM, as in kubeconfigs. */
function decoded(data: string, field: string): string {
  const text = Buffer.from(data, 'base64').toString('utf8');
  if (text.includes('-----BEGIN ')) return text;
  throw failed(`The kubeconfig's ${field} is not PEM in base64`);
}
