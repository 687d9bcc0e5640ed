import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1 from '../src/k8s/credentials/asn1.js';
import {
  authorityCertificate,
  certificate,
  distinguishedName,
  dnsName,
  extension,
  oids,
  privateKeyPem,
} from '../src/k8s/credentials/x509.js';

export interface Certificate {
  certificate: string;
  privateKey: string;
}

/** A CA with its own key. */
export interface Authority extends Certificate {
  issue(request: IssueRequest): string;
  /** A certificate together with a new key for it. */
  issueWithKey(request: Omit<IssueRequest, 'publicKey'>): Certificate;
}

interface IssueRequest {
  publicKey: KeyObject;
  /** The subject, from a signing request or as text. */
  subject: asn1.Node | { commonName: string; organizations?: string[] };
  /** Names and addresses for a server certificate; without them it is a client certificate. */
  subjectAltNames?: string[];
  notAfter?: Date;
}

const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day);
const generateKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const oidsOfUse = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

/** As Kubernetes signs, in case clocks differ. */
const fiveMinutesAgo = () => new Date(Date.now() - 300_000);

export function createAuthority(commonName: string): Authority {
  const key = generateKey();
  const issuer = { ...key, name: nameOf({ commonName }) };
  const issue = ({ publicKey, subject, subjectAltNames, notAfter = inDays(365) }: IssueRequest) =>
    certificate(issuer, {
      publicKey,
      subject: 'commonName' in subject ? nameOf(subject) : subject,
      notBefore: fiveMinutesAgo(),
      notAfter,
      extensions: [
        extension(oids.keyUsage, asn1.bits(Buffer.from([0xa0]), 5), { critical: true }), // digitalSignature, keyEncipherment
        extension(
          oids.extendedKeyUsage,
          asn1.sequence(asn1.oid(subjectAltNames ? oidsOfUse.server : oidsOfUse.client)),
        ),
        ...(subjectAltNames
          ? [extension(oids.subjectAltName, asn1.sequence(...subjectAltNames.map(alternativeName)))]
          : []),
      ],
    });
  return {
    certificate: authorityCertificate(key, {
      subject: [['CN', commonName]],
      notBefore: fiveMinutesAgo(),
      notAfter: inDays(3650),
    }),
    privateKey: privateKeyPem(key.privateKey),
    issue,
    issueWithKey(request) {
      const own = generateKey();
      return {
        certificate: issue({ ...request, publicKey: own.publicKey }),
        privateKey: privateKeyPem(own.privateKey),
      };
    },
  };
}

interface SigningRequest {
  publicKey: KeyObject;
  subject: asn1.Node;
}

/** @throws Error if the PEM text is not a request, or its signature does not prove possession of the key */
export function parseSigningRequest(text: string): SigningRequest {
  const request = asn1.decode(asn1.derIn('CERTIFICATE REQUEST', text)!);
  const [info, algorithm, signature] = asn1.children(request);
  const [, subject, publicKeyInfo] = info ? asn1.children(info) : [];
  if (!algorithm || !signature || !subject || !publicKeyInfo) throw new Error('not a PKCS #10 request');
  const publicKey = createPublicKey({ key: asn1.encode(publicKeyInfo), format: 'der', type: 'spki' });
  const id = asn1.encode(asn1.children(algorithm)[0]!);
  const hash = hashes.find(([dotted]) => asn1.encode(asn1.oid(dotted)).equals(id));
  if (!hash) throw new Error('unknown signature algorithm');
  if (!verify(hash[1], asn1.encode(info!), publicKey, asn1.bytesOf(signature).subarray(1)))
    throw new Error('the signature of the request does not match its key');
  return { publicKey, subject };
}

const hashes: readonly [oid: string, hash: string | null][] = [
  ['1.3.101.112', null], // Ed25519
  ['1.2.840.10045.4.3.2', 'sha256'], // ECDSA
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'], // RSA
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
];

function nameOf({ commonName, organizations = [] }: { commonName: string; organizations?: string[] }): asn1.Node {
  return distinguishedName([...organizations.map((name) => ['O', name] as const), ['CN', commonName]]);
}

function alternativeName(name: string): asn1.Node {
  return isIP(name) === 4 ? asn1.contextValue(7, Buffer.from(name.split('.').map(Number))) : dnsName(name);
}
