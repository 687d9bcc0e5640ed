import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { messageOf, redact, shorten, UserError } from '../../src/errors.js';

describe('redaction removes', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const secret = 'c2VjcmV0LXZhbHVlLXNlY3JldA==';
  const cases: [what: string, text: string, secret: string][] = [
    ['a private key', `failed: ${pem}`, pem.split('\n')[1]!],
    ['the beginning of a private key', pem.slice(0, 60), pem.slice(30, 60)],
    ['a Slack bot token', 'token xoxb-12-34-abcDEF in use', 'xoxb-12-34-abcDEF'],
    ['a Slack app token', 'xapp-1-A0-123-abc', 'xapp-1-A0-123-abc'],
    ['a JSON web token', 'got eyJhbGciOi.eyJzdWIi.c2ln there', 'eyJzdWIi'],
    ['a bearer token', 'Authorization: Bearer abcdefgh12345678', 'abcdefgh12345678'],
    ['a password in a URL', 'redis://user:hunter2@redis:6379 refused', 'hunter2'],
    ['a password without a user in a URL', 'rediss://:hunter2@redis:6379 refused', 'hunter2'],
    ['key data of a kubeconfig', `client-key-data: ${secret}`, secret],
    ['a token of a kubeconfig', `token: "${secret}"`, secret],
    ['long runs of base64', `x ${'QUJD'.repeat(40)} y`, 'QUJDQUJD'],
  ];
  for (const [what, text, hidden] of cases)
    test(what, () => {
      assert.ok(text.includes(hidden));
      assert.ok(!redact(text).includes(hidden), redact(text));
    });
  test('nothing of an ordinary message', () => {
    const text =
      'pods "helloworld-v1-5f7" is forbidden: User "u-istio" cannot get resource "pods" in namespace "sample"';
    assert.equal(redact(text), text);
  });
});

test('an error for people has no secret in its message nor in its hint', () => {
  const error = new UserError('x', 'no xoxb-1-secret', { hint: 'use xoxb-2-secret' });
  assert.equal(error.message, 'no [Slack token removed]');
  assert.equal(error.hint, 'use [Slack token removed]');
});

test('whatever was thrown has a message', () => {
  assert.equal(messageOf(new Error('why')), 'why');
  assert.equal(messageOf('why'), 'why');
  assert.equal(messageOf(undefined), 'undefined');
});

test('a long text keeps its end, where tools put their reason', () => {
  assert.equal(shorten('short'), 'short');
  assert.ok(shorten(`${'x'.repeat(1000)} the reason`, 50).endsWith('the reason'));
  assert.ok(shorten('x'.repeat(1000), 50).length <= 52);
});
