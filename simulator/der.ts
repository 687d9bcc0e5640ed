/** ASN.1 in DER, as far as certificates need it. @see https://www.itu.int/rec/T-REC-X.690 */
export function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const bytes: number[] = [];
  for (let rest = body.length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  const length = body.length < 0x80 ? [body.length] : [0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

export const sequence = (...content: Buffer[]): Buffer => der(0x30, ...content);
export const set = (...content: Buffer[]): Buffer => der(0x31, ...content);
export const octets = (content: Buffer): Buffer => der(0x04, content);
export const bits = (content: Buffer, unused = 0): Buffer => der(0x03, Buffer.from([unused]), content);
export const text = (value: string): Buffer => der(0x0c, Buffer.from(value));
export const yes = der(0x01, Buffer.from([0xff]));
/** Of bytes whose first one is below 0x80. */
export const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
export const context = (tag: number, ...content: Buffer[]): Buffer => der(0xa0 | tag, ...content);
export const contextValue = (tag: number, content: Buffer): Buffer => der(0x80 | tag, content);

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime from then on. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '');
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

export interface DerNode {
  tag: number;
  /** The node as it stands, with tag and length. */
  whole: Buffer;
  content: Buffer;
  children: DerNode[];
}

/** @throws RangeError where the bytes are not DER */
export function parseDer(bytes: Buffer): DerNode {
  const tag = bytes.readUInt8(0);
  const short = bytes.readUInt8(1);
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  const content = bytes.subarray(start, start + length);
  if (content.length < length) throw new RangeError('DER ends too early');
  const children: DerNode[] = [];
  if (tag & 0x20)
    for (let rest = content; rest.length > 0; rest = rest.subarray(children.at(-1)!.whole.length))
      children.push(parseDer(rest));
  return { tag, whole: bytes.subarray(0, start + length), content, children };
}

export function pem(type: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${type}-----\n${lines.join('\n')}\n-----END ${type}-----\n`;
}

/** The first block of that type; undefined where there is none. */
export function derIn(type: string, source: string): Buffer | undefined {
  const [, base64] = new RegExp(`-----BEGIN ${type}-----([\\sA-Za-z0-9+/=]+)-----END ${type}-----`).exec(source) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
