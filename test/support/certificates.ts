import * as asn1 from '../../src/k8s/credentials/asn1.js';
import {
  authorityCertificate,
  certificate,
  distinguishedName,
  dnsName,
  extension,
  generateAuthorityKey,
  issuerOf,
  oids,
  privateKeyPem,
} from '../../src/k8s/credentials/x509.js';

/** A certificate and its key, PEM. */
export interface Pair {
  certificate: string;
  key: string;
}

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

/** A root CA, or an intermediate one signed by another. */
export async function makeAuthority(name: string, parent?: Pair): Promise<Pair> {
  const key = await generateAuthorityKey();
  const contents = { subject: [['CN', name]] as const, notBefore: inDays(-1), notAfter: inDays(10) };
  return {
    certificate: authorityCertificate(key, contents, parent && issuerOf(parent.certificate, parent.key)),
    key: privateKeyPem(key.privateKey),
  };
}

/** A server certificate if names or a URI are given, otherwise a client certificate. */
export async function makeCertificate(
  authority: Pair,
  commonName: string,
  {
    names,
    uri,
    notBefore = inDays(-1),
    notAfter = inDays(1),
  }: { names?: readonly string[]; uri?: string; notBefore?: Date; notAfter?: Date } = {},
): Promise<Pair> {
  const key = await generateAuthorityKey();
  const use = asn1.oid(names || uri ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2');
  return {
    certificate: certificate(issuerOf(authority.certificate, authority.key), {
      subject: distinguishedName([['CN', commonName]]),
      publicKey: key.publicKey,
      notBefore,
      notAfter,
      extensions: [
        extension(oids.extendedKeyUsage, asn1.sequence(use)),
        ...(names ? [extension(oids.subjectAltName, asn1.sequence(...names.map(dnsName)))] : []),
        ...(uri ? [extension(oids.subjectAltName, asn1.sequence(asn1.contextValue(6, Buffer.from(uri))))] : []),
      ],
    }),
    key: privateKeyPem(key.privateKey),
  };
}
