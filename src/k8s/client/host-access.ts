import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, UserError } from '../../errors.js';
import { proxyFor } from '../../proxy.js';
import { signInWith } from './credential-plugin.js';
import {
  emptyUser,
  filesIn,
  noCredentials,
  readKubeconfig,
  type ClusterEntry,
  type UserEntry,
} from './kubeconfig-files.js';
import { bearer, isSendable, type Access, type Credential, type Server, type SignIn } from './server-access.js';

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
  if (environment.KUBECONFIG && filesIn(environment.KUBECONFIG).length > 0) return accessFrom(environment.KUBECONFIG);
  if (environment.KUBERNETES_SERVICE_HOST) return podAccess(environment, serviceAccount);
  throw noCredentials('There are no credentials for a host cluster: KUBECONFIG names no file and this is not a pod');
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

// ------------------------------------------------------------------ kubeconfig

/**
 * How to reach the cluster of one context of a kubeconfig, which may be several files as in KUBECONFIG.
 * @throws UserError `no-credentials`
 */
export const contextAccess = (paths: string, context: string): Access => accessFrom(paths, context);

function accessFrom(paths: string, asked?: string): Access {
  const merged = readKubeconfig(paths);
  const where = merged.files.join(', ');
  const name = asked ?? merged.currentContext;
  if (name === undefined) throw noCredentials(`The kubeconfig ${where} has no current-context`);
  const refused = (problem: string) =>
    noCredentials(`The ${asked === undefined ? 'current ' : ''}context ${name} of the kubeconfig ${where} ${problem}`);
  const context = merged.contexts.get(name);
  if (!context) throw refused(asked === undefined ? 'is not among its contexts' : 'does not exist');
  const cluster = merged.clusters.get(context.cluster ?? '');
  if (!cluster) throw refused(`names the cluster ${context.cluster}, which is not among its clusters`);
  const user = context.user === undefined ? emptyUser : merged.users.get(context.user);
  if (!user) throw refused(`names the user ${context.user}, which is not among its users`);
  if (!cluster.server) throw refused(`names the cluster ${context.cluster}, which has no server`);
  const server = serverOf(cluster, cluster.server);
  return {
    server,
    namespace: context.namespace,
    signIn: signInOf(user, server, cluster),
    headers: impersonation(user),
  };
}

// ------------------------------------------------------------------ one cluster and one user

function serverOf(cluster: ClusterEntry, address: string): Server {
  const { 'certificate-authority-data': data, 'certificate-authority': file } = cluster;
  const certificateAuthority = data ? decoded(data, 'certificate-authority-data') : file && contentOf(file);
  if (certificateAuthority && cluster['insecure-skip-tls-verify'])
    throw noCredentials(
      'The kubeconfig has both a certificate-authority and insecure-skip-tls-verify: remove one of them',
    );
  const url = address.includes('://') ? address : `https://${address}`;
  if (!isUrlOf(/^https?:$/, url)) throw noCredentials(`The kubeconfig's server ${address} is not an address`);
  const proxy = cluster['proxy-url'];
  // It may contain a password.
  if (proxy !== undefined && !isUrlOf(/^(https?|socks(4a?|5h?)?):$/, proxy))
    throw noCredentials(
      "The kubeconfig's proxy-url is not the address of an HTTP or SOCKS proxy, such as http://proxy:3128",
    );
  return {
    url: url.replace(/\/+$/, ''),
    certificateAuthority: certificateAuthority || undefined,
    tlsServerName: cluster['tls-server-name'],
    proxyUrl: proxy ?? proxyFor(new URL(url)),
    skipTlsVerify: cluster['insecure-skip-tls-verify'],
  };
}

const isUrlOf = (protocol: RegExp, text: string): boolean =>
  URL.canParse(text) && protocol.test(new URL(text).protocol) && new URL(text).hostname !== '';

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
  if (fixed.certificate !== undefined && fixed.key === undefined)
    throw noCredentials('The kubeconfig has a client-certificate without its client-key');
  if (fixed.token !== undefined) assertSendable(fixed.token, "The token of the kubeconfig's user");
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
  return async (_signal, refused): Promise<Credential> => {
    const bearerToken = tokenFile === undefined ? token : await tokenIn(tokenFile, token, refused);
    return {
      certificate: await textOf(certificate),
      key: await textOf(key),
      ...(basic !== undefined && { headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` } }),
      ...(bearerToken !== undefined && { headers: bearer(bearerToken) }),
    };
  };
}

/** By file: whoever writes it may empty or remove it for a moment. */
const lastTokens = new Map<string, string>();

/** The token in the file or, as in client-go, the one before if there is none now, unless the server has refused that. */
async function tokenIn(file: string, first: string | undefined, refused: Credential | undefined): Promise<string> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token === '') throw new Error('it is empty');
    assertSendable(token, `The token in ${file}`);
    lastTokens.set(file, token);
    return token;
  } catch (error) {
    const last = lastTokens.get(file) ?? first;
    if (last === undefined || refused?.headers?.authorization === bearer(last).authorization)
      return unreadable(file)(error);
    return last;
  }
}

function assertSendable(token: string, what: string): void {
  if (!isSendable(token)) throw noCredentials(`${what} contains characters that no token has, such as a line break`);
}

/** Requests in somebody else's name. @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonation(user: UserEntry): Record<string, string | string[]> {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user;
  return {
    ...(as && { 'impersonate-user': inHeader(as) }),
    ...(uid && { 'impersonate-uid': inHeader(uid) }),
    ...(groups.length > 0 && { 'impersonate-group': groups.map(inHeader) }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [
        `impersonate-extra-${encodeURIComponent(key)}`,
        values.map(inHeader),
      ]),
    ),
  };
}

/** Node sends one byte for each character; kubectl sends names in UTF-8. */
const inHeader = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

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
    throw noCredentials(`The host cluster's credentials cannot be read: ${file}: ${messageOf(error)}`, error);
  };

/** Base64-encoded PEM, as in kubeconfigs. */
function decoded(data: string, field: string): string {
  const text = Buffer.from(data, 'base64').toString('utf8');
  if (text.includes('-----BEGIN ')) return text;
  throw noCredentials(`The kubeconfig's ${field} is not PEM in base64`);
}
