/*
 * How one Kubernetes API is reached and signed in to. What may start a program or read a file (a kubeconfig's `exec` and
 * paths) is resolved in host-access.ts, for the host cluster's own credentials alone; of a demo there is only data.
 */

/** The address of an API and how its certificate is checked. */
export interface Server {
  /** Such as `https://10.0.0.1:6443`, without a slash at the end. */
  url: string;
  /** PEM; without it the authorities that Node trusts. */
  certificateAuthority?: string | undefined;
  /** The name in the server's certificate, where the address has another. */
  tlsServerName?: string | undefined;
  /** Of an HTTP or SOCKS proxy. */
  proxyUrl?: string | undefined;
  skipTlsVerify?: boolean | undefined;
}

/** What a request is signed in with. */
export interface Credential {
  /** PEM, with `key`. */
  certificate?: string | undefined;
  /** PEM. */
  key?: string | undefined;
  headers?: Record<string, string | string[]>;
}

/** Answers with the credential to use now; with `refused`, the server has just refused that one. */
export type SignIn = (signal: AbortSignal, refused?: Credential) => Promise<Credential>;

export interface Access {
  server: Server;
  signIn: SignIn;
  /** Of every request, such as in whose name it is made. */
  headers?: Record<string, string | string[]>;
  /** The namespace that the credentials point at. */
  namespace?: string | undefined;
}

/** An API that one signs in to with a certificate and its key, or with a token, as they are. */
export function accessWith(server: Server, user: { certificate: string; key: string } | { token: string }): Access {
  const credential = 'token' in user ? { headers: bearer(user.token) } : user;
  return { server, signIn: () => Promise.resolve(credential) };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
