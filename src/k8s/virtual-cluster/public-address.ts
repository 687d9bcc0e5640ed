import { lookup } from 'node:dns/promises';
import tls from 'node:tls';
import { withoutBrackets } from '../../address.js';
import { seconds } from '../../duration.js';
import { UserError, messageOf } from '../../errors.js';
import type { Access, Server } from '../client/server-access.js';
import { ApiError } from '../client/api-errors.js';
import { holds, lacks, waitUntil } from '../check.js';
import { connectCluster } from '../client/cluster.js';
import { assertSignedIn } from '../client/objects.js';

/** What can be wrong with a public address of a virtual cluster, and what to do about it. */
const causes = {
  'does-not-resolve': {
    says: (name: string) => `The name ${name} does not resolve.`,
    hint: 'Add a DNS record that points to the ingress controller, preferably a wildcard for the domain; or correct `domain` in the configuration.',
  },
  refused: {
    says: (name: string) => `Nothing accepts connections at ${name}.`,
    hint: 'Check that the name points to the ingress controller, and that the controller listens on that port.',
  },
  'not-routed': {
    says: (name: string) => `The ingress controller accepts connections for ${name} but closes them without an answer.`,
    hint: 'Check that the controller supports the objects of `exposure.kind` and passes TLS through.',
  },
  'terminates-tls': {
    says: (name: string) =>
      `The ingress controller terminates TLS for ${name} instead of passing it through, so client certificates are lost.`,
    hint: 'Enable TLS passthrough: in Traefik with `tls.passthrough: true`, in ingress-nginx with the flag --enable-ssl-passthrough.',
  },
  'credential-refused': {
    says: (name: string) => `The API at ${name} does not accept the credentials in the kubeconfig.`,
    hint: 'Its CA was replaced, or somebody changed the permissions: `create` issues a new kubeconfig.',
  },
  'api-error': {
    says: (name: string) => `The API at ${name} answers with an error.`,
    hint: 'Try again in a minute; if the error persists, look at the virtual cluster and at the ingress controller.',
  },
  'not-through-proxy': {
    says: (name: string) => `The worker's proxy does not connect to ${name}.`,
    hint: "Allow connections to it in the proxy, or add it to the worker's NO_PROXY (docs/deploy.md).",
  },
  'wrong-certificate': {
    says: (name: string) => `The certificate at ${name} belongs to the virtual cluster but is not valid for this name.`,
    hint: 'The virtual cluster was created with another name: delete the demo and create it again.',
  },
} as const;

type PublicAddressCause = keyof typeof causes;

/**
 * Proves that a kubeconfig works by an authenticated call through its public address; waits for a route that has only just
 * been created.
 * @param direct the same credentials without the public address, which shows which of the two is to blame
 * @throws UserError `public-address-<cause>`
 */
export async function probePublicAddress(
  name: string,
  { access, direct }: { access: Access; direct: Access },
  signal: AbortSignal,
  withinMs = seconds(30),
): Promise<void> {
  const cluster = connectCluster(name, access, { signal });
  const { url, tlsServerName } = access.server;
  const isRefusedDirectly = async () => {
    const own = connectCluster(name, direct, { signal });
    return await isRefused(assertSignedIn(own, once)).finally(() => own.close());
  };
  const server = new URL(url);
  const hostname = withoutBrackets(server.hostname);
  const publicName = tlsServerName ?? hostname;
  const once = { repeat: 'never', withinMs: Math.max(seconds(5), Math.min(withinMs, seconds(20))) } as const;
  const last: { cause: PublicAddressCause; detail: string } = { cause: 'refused', detail: '' };
  try {
    await waitUntil(
      server.host,
      async () => {
        try {
          await assertSignedIn(cluster, once);
          return holds;
        } catch (error) {
          last.detail = messageOf(error);
          last.cause = await causeOf(error, access.server, publicName, isRefusedDirectly);
          return lacks(last.detail);
        }
      },
      { withinMs, signal, everyMs: 500 },
    );
  } catch (error) {
    signal.throwIfAborted();
    const { cause, detail } = last;
    throw new UserError(
      `public-address-${cause}`,
      `${causes[cause].says(cause === 'does-not-resolve' ? hostname : publicName)} (${detail})`,
      {
        hint: causes[cause].hint,
        cause: error,
      },
    );
  } finally {
    cluster.close();
  }
}

/** Whether the public address works, and the credentials are to blame. */
export const isCredentialRefused = (error: unknown): boolean =>
  error instanceof UserError && error.code === 'public-address-credential-refused';

/** Whether what was asked was answered with "who are you?" or "you may not". */
async function isRefused(asked: Promise<void>): Promise<boolean> {
  try {
    await asked;
    return false;
  } catch (error) {
    return error instanceof ApiError && refusals.includes(error.status);
  }
}

const refusals: readonly number[] = [401, 403];

async function causeOf(
  error: unknown,
  server: Server,
  name: string,
  isRefusedDirectly: () => Promise<boolean>,
): Promise<PublicAddressCause> {
  const url = new URL(server.url);
  const hostname = withoutBrackets(url.hostname);
  if (error instanceof ApiError && !refusals.includes(error.status)) return 'api-error';
  // The API answered but does not know the user: the client certificate did not get through, unless nobody accepts it.
  if (error instanceof ApiError) return (await isRefusedDirectly()) ? 'credential-refused' : 'terminates-tls';
  if (server.proxyUrl) return 'not-through-proxy';
  try {
    await lookup(hostname);
  } catch {
    return 'does-not-resolve';
  }
  return await inspectTls(hostname, Number(url.port || 443), name, server.certificateAuthority ?? '');
}

/** Finds out what answers there, with a handshake whose certificate is checked only afterwards. */
function inspectTls(hostname: string, port: number, servername: string, ca: string): Promise<PublicAddressCause> {
  return new Promise((resolve) => {
    let connected = false;
    const socket = tls.connect({ host: hostname, port, servername, ca, rejectUnauthorized: false, timeout: 5000 });
    const end = (cause: PublicAddressCause) => {
      socket.destroy();
      resolve(cause);
    };
    socket.once('connect', () => (connected = true));
    socket.once('secureConnect', () => {
      if (socket.authorized) return end('not-routed');
      end(
        String(socket.authorizationError) === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'wrong-certificate' : 'terminates-tls',
      );
    });
    socket.once('timeout', () => end(connected ? 'not-routed' : 'refused'));
    socket.once('error', () => end(connected ? 'not-routed' : 'refused'));
  });
}
