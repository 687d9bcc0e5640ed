import { createPrivateKey, generateKeyPair, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';

/*
 * Keys are node:crypto's, made off the event loop and of kinds that node-forge does not know; node-forge writes the
 * ASN.1 around them.
 */

const { asn1, pki } = forge;
const generate = promisify(generateKeyPair);

export interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

/** The key of a person: small, and what the source document uses. */
export const generateUserKey = (): Promise<KeyPair> => generate('ed25519');

/** The key of a certificate authority of the mesh; Istio takes RSA and ECDSA, and ECDSA is made in a millisecond. */
export const generateAuthorityKey = (): Promise<KeyPair> => generate('ec', { namedCurve: 'P-256' });

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export type Subject = readonly (readonly [attribute: 'CN' | 'O' | 'L', value: string])[];

/** A certificate signing request, PEM. @see https://datatracker.ietf.org/doc/html/rfc2986#section-4 */
export function certificateRequest({ publicKey, privateKey }: KeyPair, subject: Subject): string {
  const info = sequence(integer('00'), distinguishedName(subject), subjectPublicKeyInfo(publicKey), context(0, []));
  return pem('CERTIFICATE REQUEST', signed(info, privateKey));
}

export interface AuthorityRequest {
  subject: Subject;
  notBefore: Date;
  notAfter: Date;
  /** How many authorities may follow below; undefined for any number. */
  pathLength?: number;
  dnsNames?: readonly string[];
}

/** A CA certificate, PEM; self-signed unless an issuer is given. @see https://datatracker.ietf.org/doc/html/rfc5280#section-4.1 */
export function authorityCertificate(
  key: KeyPair,
  { subject, notBefore, notAfter, pathLength, dnsNames = [] }: AuthorityRequest,
  issuer?: { certificate: string; privateKey: KeyObject },
): string {
  const signer = issuer?.privateKey ?? key.privateKey;
  const issuerName = issuer ? subjectOf(issuer.certificate) : distinguishedName(subject);
  const identifier = keyIdentifier(key.publicKey);
  const issuerIdentifier = issuer ? keyIdentifier(new X509Certificate(issuer.certificate).publicKey) : identifier;
  const extensions = [
    extension(
      oid.basicConstraints,
      true,
      sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(hex(pathLength))])),
    ),
    extension(oid.keyUsage, true, primitive(asn1.Type.BITSTRING, keyUsageBits)),
    extension(oid.subjectKeyIdentifier, false, primitive(asn1.Type.OCTETSTRING, identifier)),
    extension(oid.authorityKeyIdentifier, false, sequence(contextPrimitive(0, issuerIdentifier))),
    ...(dnsNames.length > 0
      ? [extension(oid.subjectAltName, false, sequence(...dnsNames.map((name) => contextPrimitive(2, name))))]
      : []),
  ];
  const toBeSigned = sequence(
    context(0, [integer('02')]),
    integer(`4${randomBytes(16).toString('hex').slice(1)}`), // random, positive, no leading zeros
    algorithmOf(signer),
    issuerName,
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    subjectPublicKeyInfo(key.publicKey),
    context(3, [sequence(...extensions)]),
  );
  return pem('CERTIFICATE', signed(toBeSigned, signer));
}

// ------------------------------------------------------------------ ASN.1

const oid = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  subjectAltName: '2.5.29.17',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ed25519: '1.3.101.112',
  CN: '2.5.4.3',
  O: '2.5.4.10',
  L: '2.5.4.7',
} as const;

/** digitalSignature, nonRepudiation, keyEncipherment, keyCertSign, cRLSign: one unused bit, then the bits. */
const keyUsageBits = '\x01\xe6';

type Node = forge.asn1.Asn1;

const primitive = (type: forge.asn1.Type, value: string): Node => asn1.create(asn1.Class.UNIVERSAL, type, false, value);
const sequence = (...nodes: Node[]): Node => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, nodes);
const context = (tag: number, nodes: Node[]): Node => asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, nodes);
const contextPrimitive = (tag: number, value: string): Node =>
  asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, value);
const integer = (hexadecimal: string): Node => primitive(asn1.Type.INTEGER, forge.util.hexToBytes(hexadecimal));
const boolean = (value: boolean): Node => primitive(asn1.Type.BOOLEAN, value ? '\xff' : '\x00');
const identifier = (dotted: string): Node => primitive(asn1.Type.OID, asn1.oidToDer(dotted).getBytes());
const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** GeneralizedTime is only for years from 2050 on. */
const time = (date: Date): Node =>
  date.getUTCFullYear() < 2050
    ? primitive(asn1.Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(asn1.Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date) as unknown as string);

function distinguishedName(subject: Subject): Node {
  const attributes = subject.map(([attribute, value]) =>
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [
      sequence(identifier(oid[attribute]), primitive(asn1.Type.UTF8, forge.util.encodeUtf8(value))),
    ]),
  );
  return sequence(...attributes);
}

function extension(id: string, critical: boolean, value: Node): Node {
  const content = primitive(asn1.Type.OCTETSTRING, asn1.toDer(value).getBytes());
  return sequence(identifier(id), ...(critical ? [boolean(true)] : []), content);
}

function algorithmOf(key: KeyObject): Node {
  return sequence(identifier(key.asymmetricKeyType === 'ed25519' ? oid.ed25519 : oid.ecdsaWithSha256));
}

function subjectPublicKeyInfo(key: KeyObject): Node {
  return asn1.fromDer(key.export({ type: 'spki', format: 'der' }).toString('binary'));
}

function keyIdentifier(key: KeyObject): string {
  const der = asn1.toDer(subjectPublicKeyInfo(key)).getBytes();
  return forge.md.sha1.create().update(der).digest().getBytes();
}

function subjectOf(certificate: string): Node {
  const [toBeSigned] = asn1.fromDer(pki.pemToDer(certificate)).value as Node[];
  return (toBeSigned!.value as Node[])[5]!; // version, serial, algorithm, issuer, validity, subject
}

function signed(content: Node, key: KeyObject): Node {
  const der = Buffer.from(asn1.toDer(content).getBytes(), 'binary');
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', der, key);
  return sequence(content, algorithmOf(key), primitive(asn1.Type.BITSTRING, `\x00${signature.toString('binary')}`));
}

function pem(type: string, node: Node): string {
  const base64 = Buffer.from(asn1.toDer(node).getBytes(), 'binary').toString('base64');
  return `-----BEGIN ${type}-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${type}-----\n`;
}

/** The key of a PEM text. */
export const parsePrivateKey = (text: string): KeyObject => createPrivateKey(text);
