/*
 * How to reach a Kubernetes API and sign in to it. Parts of a kubeconfig that start a program or read a file (`exec` and
 * paths) are resolved in host-access.ts, only for the host cluster's own credentials; those of demos are plain data.
 */

/** The address of an API, and how its certificate is checked. */
export interface Server {
  /** Such as `https://10.0.0.1:6443`, without a trailing slash. */
  url: string;
  /** PEM; if undefined, the CAs that Node trusts. */
  certificateAuthority?: string | undefined;
  /** The name in the server's certificate, if it differs from the address. */
  tlsServerName?: string | undefined;
  /** The URL of an HTTP or SOCKS proxy. */
  proxyUrl?: string | undefined;
  skipTlsVerify?: boolean | undefined;
}

/** What a request uses to sign in. */
export interface Credential {
  /** PEM, with `key`. */
  certificate?: string | undefined;
  /** PEM. */
  key?: string | undefined;
  headers?: Record<string, string | string[]>;
}

/** Returns the credential to use now; `refused` is one that the server has just refused. */
export type SignIn = (signal: AbortSignal, refused?: Credential) => Promise<Credential>;

export interface Access {
  server: Server;
  signIn: SignIn;
  /** Headers for every request, such as for impersonation. */
  headers?: Record<string, string | string[]>;
  /** The default namespace of the credentials. */
  namespace?: string | undefined;
  /** Its name in the configuration, if it is one of several host clusters. */
  hostCluster?: string | undefined;
}

/** An API with a fixed certificate and key, or a fixed token. */
export function accessWith(server: Server, user: { certificate: string; key: string } | { token: string }): Access {
  const credential = 'token' in user ? { headers: bearer(user.token) } : user;
  return { server, signIn: () => Promise.resolve(credential) };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Whether a token can be a header, which cannot contain line breaks, for example. */
export const isSendable = (token: string): boolean => /^[\x21-\x7e]+$/.test(token);
