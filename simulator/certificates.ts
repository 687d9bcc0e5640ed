import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as der from './der.js';

export interface Certificate {
  certificate: string;
  privateKey: string;
}

/** A certificate authority with a key of its own. */
export interface Authority extends Certificate {
  issue(request: IssueRequest): string;
  /** A certificate together with a new key for it. */
  issueWithKey(request: Omit<IssueRequest, 'publicKey'>): Certificate;
}

export interface IssueRequest {
  publicKey: KeyObject;
  subject: { commonName: string; organizations?: string[] } | { der: Buffer };
  /** Names and addresses, for a server's certificate; without them it is a client's. */
  subjectAltNames?: string[];
  notAfter?: Date;
}

const day = 86_400_000;

export function createAuthority(commonName: string): Authority {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = distinguishedName(commonName);
  const basic = { issuer, signer: key.privateKey, authority: key.publicKey };
  const issue = ({ publicKey, subject, subjectAltNames, notAfter = new Date(Date.now() + 365 * day) }: IssueRequest) =>
    certificate({
      ...basic,
      publicKey,
      subject: 'der' in subject ? subject.der : distinguishedName(subject.commonName, subject.organizations),
      notAfter,
      extensions: [
        extension(oids.keyUsage, true, der.bits(Buffer.from([0xa0]), 5)), // digitalSignature, keyEncipherment
        extension(
          oids.extendedKeyUsage,
          false,
          der.sequence(der.oid(subjectAltNames ? oids.serverAuth : oids.clientAuth)),
        ),
        ...(subjectAltNames
          ? [extension(oids.subjectAltName, false, der.sequence(...subjectAltNames.map(generalName)))]
          : []),
      ],
    });
  return {
    certificate: certificate({
      ...basic,
      publicKey: key.publicKey,
      subject: issuer,
      notAfter: new Date(Date.now() + 3650 * day),
      extensions: [
        extension(oids.basicConstraints, true, der.sequence(der.yes)),
        extension(oids.keyUsage, true, der.bits(Buffer.from([0xa4]), 2)), // and keyCertSign
      ],
    }),
    privateKey: pemOf(key.privateKey),
    issue,
    issueWithKey(request) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return { certificate: issue({ ...request, publicKey: own.publicKey }), privateKey: pemOf(own.privateKey) };
    },
  };
}

export interface SigningRequest {
  publicKey: KeyObject;
  /** As it stands in the request. */
  subject: { der: Buffer };
}

/** @throws Error where the text, a PEM block, is no request, or its signature does not prove possession of the key */
export function parseSigningRequest(text: string): SigningRequest {
  const request = der.parseDer(der.derIn('CERTIFICATE REQUEST', text)!);
  const [info, algorithm, signature] = request.children;
  const [, subject, publicKeyInfo] = info?.children ?? [];
  if (!info || !algorithm || !signature || !subject || !publicKeyInfo) throw new Error('not a PKCS #10 request');
  const publicKey = createPublicKey({ key: publicKeyInfo.whole, format: 'der', type: 'spki' });
  const hash = hashes.find(([dotted]) => der.oid(dotted).equals(algorithm.children[0]!.whole));
  if (!hash) throw new Error('unknown signature algorithm');
  if (!verify(hash[1], info.whole, publicKey, signature.content.subarray(1)))
    throw new Error('the signature of the request does not match its key');
  return { publicKey, subject: { der: subject.whole } };
}

// ------------------------------------------------------------------ X.509

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
};

const hashes: readonly [oid: string, hash: string | null][] = [
  ['1.3.101.112', null], // Ed25519
  ['1.2.840.10045.4.3.2', 'sha256'], // ECDSA
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'], // RSA
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
];

interface Contents {
  issuer: Buffer;
  signer: KeyObject;
  authority: KeyObject;
  publicKey: KeyObject;
  subject: Buffer;
  notAfter: Date;
  extensions: Buffer[];
}

function certificate({ issuer, signer, authority, publicKey, subject, notAfter, extensions }: Contents): string {
  const algorithm = der.sequence(der.oid(oids.ecdsaWithSha256));
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]);
  const toBeSigned = der.sequence(
    der.context(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    algorithm,
    issuer,
    der.sequence(der.time(new Date(Date.now() - 300_000)), der.time(notAfter)),
    subject,
    spkiOf(publicKey),
    der.context(
      3,
      der.sequence(
        ...extensions,
        extension(oids.subjectKeyIdentifier, false, der.octets(keyIdentifier(publicKey))),
        extension(oids.authorityKeyIdentifier, false, der.sequence(der.contextValue(0, keyIdentifier(authority)))),
      ),
    ),
  );
  return der.pem('CERTIFICATE', der.sequence(toBeSigned, algorithm, der.bits(sign('sha256', toBeSigned, signer))));
}

function distinguishedName(commonName: string, organizations: string[] = []): Buffer {
  const attribute = (id: string, value: string) => der.set(der.sequence(der.oid(id), der.text(value)));
  return der.sequence(
    ...organizations.map((organization) => attribute(oids.organization, organization)),
    attribute(oids.commonName, commonName),
  );
}

function generalName(name: string): Buffer {
  return isIP(name) === 4
    ? der.contextValue(7, Buffer.from(name.split('.').map(Number)))
    : der.contextValue(2, Buffer.from(name));
}

const extension = (id: string, critical: boolean, value: Buffer) =>
  der.sequence(der.oid(id), ...(critical ? [der.yes] : []), der.octets(value));
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const keyIdentifier = (key: KeyObject) => createHash('sha1').update(spkiOf(key)).digest();
const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
