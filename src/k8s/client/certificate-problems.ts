import { isIP } from 'node:net';
import tls from 'node:tls';
import { seconds } from '../../duration.js';
import { errorFacts } from '../../errors.js';
import type { Server } from './server-access.js';

/** Why a connection was not trusted, and what people can do about it. */
export interface CertificateProblem {
  says: string;
  hint: string;
}

const unknownAuthority: readonly string[] = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
];

/**
 * What is wrong with the certificates of a connection, derived from Node's error; undefined if the error is about
 * something else.
 * @see https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes
 */
export async function certificateProblem(
  error: unknown,
  cluster: string,
  server: Server,
): Promise<CertificateProblem | undefined> {
  const { code, message } = errorFacts(error);
  const isHost = cluster === 'host';
  const of = isHost ? 'the host cluster' : cluster;
  const source = isHost ? "the worker's kubeconfig" : `Secret vc-${cluster} of the demo`;
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    const validity = await validityOf(server);
    const state = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return {
      says: `its certificate ${state}: ${validity ? `it is valid ${validity}, and ` : ''}the worker's clock says ${new Date().toISOString()}`,
      hint: `Compare the clocks of the worker and of ${of}, and synchronize both with NTP. If they agree, renew the certificate.`,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      says: `its certificate is not valid for this address: ${message}`,
      hint: `Use an address that is in the certificate of ${of}, or set tls-server-name in ${source} to a name that is.`,
    };
  if (unknownAuthority.includes(code))
    return {
      says: `its certificate is not signed by the expected CA: ${message} (${code})`,
      hint: `Update certificate-authority-data in ${source}. If a proxy on the way inspects TLS, add its CA or exempt this address from inspection.`,
    };
  if (/^ERR_OSSL_|^ERR_CRYPTO_/.test(code))
    return {
      says: `the client certificate and its key cannot be used: ${message}`,
      hint: `Check that client-certificate and client-key in ${source} match.`,
    };
  // Depending on when the error occurs, Node puts OpenSSL's reason into the code, or only into the message.
  const reason = `${code} ${message}`.toLowerCase().replaceAll('_', ' ');
  if (/alert (bad certificate|certificate|unknown ca|access denied|unsupported certificate)/.test(reason))
    return {
      says: `it rejected the client certificate: ${message}`,
      hint: `Renew the client certificate in ${source}, and compare the clocks of both sides.`,
    };
  if (/wrong version number|packet length too long/.test(reason))
    return {
      says: 'the server there does not speak TLS',
      hint: `Check the address and port in ${source}, and whether it should be https.`,
    };
  return undefined;
}

/** The validity of the server's certificate, read in a handshake that trusts anything and sends nothing. */
async function validityOf({ url, tlsServerName }: Server): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve) => {
    const socket = tls.connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      servername: tlsServerName ?? (isIP(hostname) ? undefined : hostname),
      rejectUnauthorized: false,
      timeout: seconds(5),
    });
    const end = (validity?: string) => {
      socket.destroy();
      resolve(validity);
    };
    socket.once('secureConnect', () => {
      const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
      end(`from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`);
    });
    socket.once('timeout', () => end()).once('error', () => end());
  });
}
