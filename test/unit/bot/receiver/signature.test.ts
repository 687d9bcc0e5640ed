import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expiryOf, isSignatureOf, readSignature } from '../../../../src/bot/receiver/signature.js';
import { sign } from '../../../support/slack.js';

const secret = 'a-signing-secret';
const now = 1_700_000_000;
const read = (timestamp: string, value = sign(secret, now, 'body')) =>
  readSignature((name) => (name === 'x-slack-signature' ? value : timestamp), now * 1000);

describe('the headers of a signature', () => {
  for (const seconds of [-300, 0, 300])
    test(`are accepted ${seconds} s from now`, () => assert.ok(read(String(now + seconds))));
  for (const seconds of [-301, 301, 315_000_000])
    test(`are refused ${seconds} s from now`, () => assert.equal(read(String(now + seconds)), undefined));
  for (const timestamp of ['', 'NaN', '1e9', '-1', ' 1700000000', '0x6553f100', '1700000000.5', 'Infinity'])
    test(`are refused with the timestamp "${timestamp}"`, () => assert.equal(read(timestamp), undefined));
  for (const value of [
    '',
    'v0=',
    'v1=' + '0'.repeat(64),
    'v0=' + '0'.repeat(63),
    'v0=' + 'G'.repeat(64),
    '0'.repeat(64),
  ])
    test(`are refused with the signature "${value}"`, () => assert.equal(read(String(now), value), undefined));
});

describe('a signature', () => {
  const signature = { timestamp: String(now), value: sign(secret, now, 'body') };
  test('matches its body', () => assert.ok(isSignatureOf(Buffer.from('body'), signature, secret)));
  test('does not match any other body, secret or time', () => {
    assert.ok(!isSignatureOf(Buffer.from('bodY'), signature, secret));
    assert.ok(!isSignatureOf(Buffer.from('body'), signature, 'another'));
    assert.ok(!isSignatureOf(Buffer.from('body'), { ...signature, timestamp: String(now + 1) }, secret));
  });
  test('is never valid if there is no secret, which everybody would know', () => {
    assert.ok(!isSignatureOf(Buffer.from('body'), { ...signature, value: sign('', now, 'body') }, ''));
  });
  test('expires when its timestamp is refused', () => {
    const expiry = expiryOf(signature);
    const header = (name: string) => (name === 'x-slack-signature' ? signature.value : signature.timestamp);
    assert.ok(readSignature(header, expiry - 1));
    assert.equal(readSignature(header, expiry), undefined);
  });
});
