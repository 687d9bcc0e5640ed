import forge from 'node-forge';

/*
 * As much ASN.1 (DER) as certificates need: short names for node-forge's nodes, with bytes as Buffers.
 * @see https://www.itu.int/rec/T-REC-X.690
 */

const { asn1 } = forge;
const { Class, Type } = asn1;

declare module 'node-forge' {
  namespace asn1 {
    /** Its type definitions know only the older parameter, `strict`. */
    function fromDer(bytes: Bytes, options: { decodeBitStrings: boolean }): Asn1;
  }
}

export type Node = forge.asn1.Asn1;

const primitive = (type: forge.asn1.Type, bytes: Buffer): Node =>
  asn1.create(Class.UNIVERSAL, type, false, bytes.toString('binary'));

export const sequence = (...nodes: Node[]): Node => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, nodes);
export const set = (...nodes: Node[]): Node => asn1.create(Class.UNIVERSAL, Type.SET, true, nodes);
export const context = (tag: number, ...nodes: Node[]): Node => asn1.create(Class.CONTEXT_SPECIFIC, tag, true, nodes);
export const contextValue = (tag: number, bytes: Buffer): Node =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, false, bytes.toString('binary'));
export const yes = primitive(Type.BOOLEAN, Buffer.from([0xff]));
/** A positive integer: the first byte is below 0x80. */
export const integer = (...bytes: number[]): Node => primitive(Type.INTEGER, Buffer.from(bytes));
export const octets = (bytes: Buffer): Node => primitive(Type.OCTETSTRING, bytes);
export const bits = (bytes: Buffer, unused = 0): Node =>
  primitive(Type.BITSTRING, Buffer.concat([Buffer.from([unused]), bytes]));
export const text = (value: string): Node => primitive(Type.UTF8, Buffer.from(value));
export const oid = (dotted: string): Node =>
  asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());

/** UTCTime until 2049, GeneralizedTime from then on. */
export function time(date: Date): Node {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, Buffer.from(digits.slice(2)))
    : primitive(Type.GENERALIZEDTIME, Buffer.from(digits));
}

export const encode = (node: Node): Buffer => Buffer.from(asn1.toDer(node).getBytes(), 'binary');

/** @throws Error if the bytes are not DER, or contain more than one value */
export function decode(der: Buffer): Node {
  // Bit strings are not decoded: a signature can look like ASN.1.
  return asn1.fromDer(der.toString('binary'), { decodeBitStrings: false });
}

/** The nodes inside; none in a primitive value. */
export const children = ({ value }: Node): Node[] => (Array.isArray(value) ? value : []);

/** The bytes of a primitive value. */
export const bytesOf = ({ value }: Node): Buffer => Buffer.from(Array.isArray(value) ? '' : value, 'binary');

export function toPem(type: string, node: Node): string {
  const lines = encode(node)
    .toString('base64')
    .match(/.{1,64}/g);
  return `-----BEGIN ${type}-----\n${lines?.join('\n')}\n-----END ${type}-----\n`;
}

/** The DER of the first block of this type; undefined if there is none. */
export function derIn(type: string, pem: string): Buffer | undefined {
  const [, base64] = new RegExp(`-----BEGIN ${type}-----([\\sA-Za-z0-9+/=]+)-----END ${type}-----`).exec(pem) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
