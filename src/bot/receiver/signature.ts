import { createHmac, timingSafeEqual } from 'node:crypto';

/** What Slack sends with a body to prove that it comes from Slack. */
interface Signature {
  timestamp: string;
  /** `v0=` and an HMAC in hexadecimal digits. */
  value: string;
}

/** How far the time of a request may differ from our clock, in seconds. */
const toleranceSeconds = 300;

/** The signature in the headers, if it is well-formed and recent; otherwise the request is not worth reading. */
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

/**
 * Without a secret there is no valid signature: everybody could compute it.
 * @see https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function isSignatureOf(body: Buffer, { timestamp, value }: Signature, signingSecret: string): boolean {
  if (signingSecret === '') return false;
  const expected = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex');
  return timingSafeEqual(Buffer.from(`v0=${expected}`), Buffer.from(value));
}

/** When the signature becomes too old to be accepted, in milliseconds. */
export const expiryOf = ({ timestamp }: Signature): number => (Number(timestamp) + toleranceSeconds + 1) * 1000;
