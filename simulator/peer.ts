import { generateKeyPairSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import * as asn1 from '../src/k8s/credentials/asn1.js';
import {
  certificate,
  distinguishedName,
  extension,
  issuerOf,
  oids,
  privateKeyPem,
} from '../src/k8s/credentials/x509.js';
import type { ControlPlane } from './control-plane.js';
import { fromBase64, type KubeObject } from './objects.js';
import { hasSidecar, identityOf } from './sidecar.js';

/* What a new connection to a pod meets: its sidecar, which shows the pod's certificate in a TLS handshake, or its program. */

/** Serves a connection to a port of a pod, which belongs to this API. */
export function serveConnection({ plane, pod }: { plane: ControlPlane; pod: KubeObject }, connection: Duplex): void {
  connection.on('error', () => connection.destroy());
  if (!hasSidecar(pod)) {
    // A TLS handshake is no request that a web server understands.
    connection.once('data', () => connection.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
    return;
  }
  const socket = new tls.TLSSocket(connection, { isServer: true, ALPNProtocols: ['istio'], ...workload(plane, pod) });
  socket.on('error', () => connection.destroy()).resume();
}

/** A key, and a certificate signed by the cluster's intermediate CA; without `cacerts`, by a CA of istiod's own. */
function workload({ store, authority }: ControlPlane, pod: KubeObject): { key: string; cert: string } {
  const data = store.find('secrets', 'istio-system', 'cacerts')?.data ?? {};
  const [caCertificate, caKey] = [fromBase64(data['ca-cert.pem']), fromBase64(data['ca-key.pem'])];
  const issuer =
    caCertificate && caKey ? issuerOf(caCertificate, caKey) : issuerOf(authority.certificate, authority.privateKey);
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const uri = asn1.contextValue(6, Buffer.from(identityOf(pod)));
  const leaf = certificate(issuer, {
    subject: distinguishedName([]),
    publicKey: own.publicKey,
    notBefore: new Date(Date.now() - 300_000),
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [extension(oids.subjectAltName, asn1.sequence(uri), { critical: true })],
  });
  return { key: privateKeyPem(own.privateKey), cert: `${leaf}\n${caCertificate}` };
}
