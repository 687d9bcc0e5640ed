import { createHmac, timingSafeEqual } from 'node:crypto';

/** What Slack sends with a body to prove that it is Slack's. */
export interface Signature {
  timestamp: string;
  /** `v0=` and an HMAC in hexadecimal digits. */
  value: string;
}

/** By how much a request may be older or newer than our clock says, in seconds. */
export const toleranceSeconds = 300;

/** The signature in the headers, if its form and its age are right: what does not have that is not worth reading. */
export function readSignature(
  header: (name: string) => string | undefined,
  nowMs: number = Date.now(),
): Signature | undefined {
  const timestamp = header('x-slack-request-timestamp') ?? '';
  const value = header('x-slack-signature') ?? '';
  if (!/^\d{1,12}$/.test(timestamp) || !/^v0=[0-9a-f]{64}$/.test(value)) return undefined;
  const isTimely = Math.abs(Math.floor(nowMs / 1000) - Number(timestamp)) <= toleranceSeconds;
  return isTimely ? { timestamp, value } : undefined;
}

/** @see https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function isSignatureOf(body: Buffer, { timestamp, value }: Signature, signingSecret: string): boolean {
  const expected = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex');
  return timingSafeEqual(Buffer.from(`v0=${expected}`), Buffer.from(value));
}

/** The moment from which on the signature is refused for its age, in milliseconds. */
export const expiryOf = ({ timestamp }: Signature): number => (Number(timestamp) + toleranceSeconds + 1) * 1000;
