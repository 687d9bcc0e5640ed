import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import { messageOf, UserError } from '../../errors.js';
import { textsIn } from '../client/objects.js';

/*
 * Credentials that a virtual cluster's control plane, or anybody who can write in its namespace, has put into a Secret. Only
 * a CA and a certificate with its key, or a token, are taken from it, and each is checked. The kubeconfig next to them is
 * never read: it could name programs to run, files to read and proxies to use.
 */

interface TenantCredentials {
  /** PEM. */
  certificateAuthority: string;
  user: { certificate: string; key: string } | { token: string };
}

/** The longest part, in characters; far more than certificates need. */
const longestPart = 64_000;

/**
 * The credentials in Secret `vc-<name>`, which every version of vcluster writes.
 * @throws UserError `broken-credentials`
 */
export function tenantCredentials(secret: V1Secret): TenantCredentials {
  const texts = textsIn(secret);
  const part = (key: string) => texts[key] ?? '';
  try {
    return {
      certificateAuthority: certificates(part('certificate-authority'), 'certificate-authority'),
      user: part('client-certificate')
        ? keyPair({ certificate: part('client-certificate'), key: part('client-key') })
        : { token: bearerToken(part('token'), 'token') },
    };
  } catch (error) {
    const { name, namespace } = secret.metadata ?? {};
    throw new UserError(
      'broken-credentials',
      `Secret ${name} in namespace ${namespace} of the host cluster does not contain usable credentials for the virtual cluster: ${messageOf(error)}.`,
      {
        hint: `Somebody has changed it. Delete the Secret and restart the virtual cluster, which writes it again: \`kubectl -n ${namespace} delete secret ${name}\`, then \`kubectl -n ${namespace} delete pod ${name?.replace(/^vc-/, '')}-0\`.`,
        cause: error,
      },
    );
  }
}

/** Only the PEM certificates in a text. @throws Error if there is none, or one cannot be read */
export function certificates(text: string, what: string): string {
  const blocks = bounded(text, what).match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  if (!blocks) throw new Error(`its ${what} is not a certificate`);
  return blocks.map((block) => parsed(what, () => new X509Certificate(block).toString())).join('');
}

/** A certificate and its key, parsed and rewritten. @throws Error if they cannot be read or do not match */
export function keyPair(pair: { certificate: string; key: string }): { certificate: string; key: string } {
  const certificate = certificates(pair.certificate, 'client-certificate');
  const text = bounded(pair.key, 'client-key');
  const key = parsed('client-key', () => createPrivateKey(text));
  if (!new X509Certificate(certificate).checkPrivateKey(key))
    throw new Error('its client-key does not match its client-certificate');
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** @throws Error if it is not a service account token */
export function bearerToken(text: string, what: string): string {
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(bounded(text, what))) return text;
  throw new Error(
    text ? `its ${what} is not a service account token` : `it has neither client-certificate nor ${what}`,
  );
}

function bounded(text: string, what: string): string {
  if (text.length > longestPart) throw new Error(`its ${what} is too long`);
  return text;
}

function parsed<Value>(what: string, parse: () => Value): Value {
  try {
    return parse();
  } catch {
    throw new Error(`its ${what} cannot be read`);
  }
}
