import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import * as asn1 from './asn1.js';

/*
 * Keys come from node:crypto, which creates them off the event loop and supports types that node-forge's pki does not;
 * node-forge writes the ASN.1.
 */

const generate = promisify(generateKeyPair);

export interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

/** The key of a person: small, and the type that the manual guide uses. */
export const generateUserKey = (): Promise<KeyPair> => generate('ed25519');

/** The key of a CA of the mesh; Istio accepts RSA and ECDSA, and ECDSA takes a millisecond to create. */
export const generateAuthorityKey = (): Promise<KeyPair> => generate('ec', { namedCurve: 'P-256' });

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export type Subject = readonly (readonly [attribute: 'CN' | 'O' | 'L', value: string])[];

/** A certificate signing request, PEM. @see https://datatracker.ietf.org/doc/html/rfc2986#section-4 */
export function certificateRequest({ publicKey, privateKey }: KeyPair, subject: Subject): string {
  const info = asn1.sequence(
    asn1.integer(0),
    distinguishedName(subject),
    subjectPublicKeyInfo(publicKey),
    asn1.context(0),
  );
  return asn1.toPem('CERTIFICATE REQUEST', signed(info, privateKey));
}

interface AuthorityRequest {
  subject: Subject;
  notBefore: Date;
  notAfter: Date;
  /** How many CAs may follow below; undefined for any number. */
  pathLength?: number;
  dnsNames?: readonly string[];
}

/** A CA certificate, PEM; self-signed unless an issuer is given. */
export function authorityCertificate(
  key: KeyPair,
  { subject, notBefore, notAfter, pathLength, dnsNames = [] }: AuthorityRequest,
  issuer: Issuer = { name: distinguishedName(subject), ...key },
): string {
  const pathLengths = pathLength === undefined ? [] : [asn1.integer(pathLength)];
  return certificate(issuer, {
    subject: distinguishedName(subject),
    publicKey: key.publicKey,
    notBefore,
    notAfter,
    extensions: [
      extension(oids.basicConstraints, asn1.sequence(asn1.yes, ...pathLengths), { critical: true }),
      // digitalSignature, nonRepudiation, keyEncipherment, keyCertSign, cRLSign
      extension(oids.keyUsage, asn1.bits(Buffer.from([0xe6]), 1), { critical: true }),
      ...(dnsNames.length > 0 ? [extension(oids.subjectAltName, asn1.sequence(...dnsNames.map(dnsName)))] : []),
    ],
  });
}

/** The signer of a certificate. */
interface Issuer extends KeyPair {
  name: asn1.Node;
}

/** The issuer from a CA certificate and its key, both PEM. */
export function issuerOf(certificatePem: string, privateKey: string): Issuer {
  const { publicKey, raw } = new X509Certificate(certificatePem);
  const [toBeSigned] = asn1.children(asn1.decode(raw));
  const [_version, _serial, _algorithm, _issuer, _validity, name] = toBeSigned ? asn1.children(toBeSigned) : [];
  if (!name) throw new Error('the certificate of the CA has no subject');
  return { name, publicKey, privateKey: createPrivateKey(privateKey) };
}

interface CertificateContents {
  subject: asn1.Node;
  publicKey: KeyObject;
  notBefore: Date;
  notAfter: Date;
  /** In addition to the identifiers of both keys. */
  extensions: asn1.Node[];
}

/** A certificate, PEM. @see https://datatracker.ietf.org/doc/html/rfc5280#section-4.1 */
export function certificate(
  issuer: Issuer,
  { subject, publicKey, notBefore, notAfter, extensions }: CertificateContents,
): string {
  const toBeSigned = asn1.sequence(
    asn1.context(0, asn1.integer(2)),
    asn1.integer(0x40, ...randomBytes(15)), // random, positive, no leading zeros
    algorithmOf(issuer.privateKey),
    issuer.name,
    asn1.sequence(asn1.time(notBefore), asn1.time(notAfter)),
    subject,
    subjectPublicKeyInfo(publicKey),
    asn1.context(
      3,
      asn1.sequence(
        ...extensions,
        extension(oids.subjectKeyIdentifier, asn1.octets(keyIdentifier(publicKey))),
        extension(oids.authorityKeyIdentifier, asn1.sequence(asn1.contextValue(0, keyIdentifier(issuer.publicKey)))),
      ),
    ),
  );
  return asn1.toPem('CERTIFICATE', signed(toBeSigned, issuer.privateKey));
}

export const oids = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  subjectAltName: '2.5.29.17',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ed25519: '1.3.101.112',
  CN: '2.5.4.3',
  O: '2.5.4.10',
  L: '2.5.4.7',
} as const;

export function distinguishedName(subject: Subject): asn1.Node {
  return asn1.sequence(
    ...subject.map(([attribute, value]) => asn1.set(asn1.sequence(asn1.oid(oids[attribute]), asn1.text(value)))),
  );
}

export function extension(id: string, value: asn1.Node, { critical = false } = {}): asn1.Node {
  return asn1.sequence(asn1.oid(id), ...(critical ? [asn1.yes] : []), asn1.octets(asn1.encode(value)));
}

/** A DNS name in a certificate's alternative names. */
export const dnsName = (name: string): asn1.Node => asn1.contextValue(2, Buffer.from(name));

function algorithmOf(key: KeyObject): asn1.Node {
  return asn1.sequence(asn1.oid(key.asymmetricKeyType === 'ed25519' ? oids.ed25519 : oids.ecdsaWithSha256));
}

const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const subjectPublicKeyInfo = (key: KeyObject): asn1.Node => asn1.decode(spki(key));
const keyIdentifier = (key: KeyObject): Buffer => createHash('sha1').update(spki(key)).digest();

function signed(content: asn1.Node, key: KeyObject): asn1.Node {
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', asn1.encode(content), key);
  return asn1.sequence(content, algorithmOf(key), asn1.bits(signature));
}
