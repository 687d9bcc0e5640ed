import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { execa } from 'execa';
import { textFunctions, unfriendlyTexts } from '../../bench/text-functions.js';
import { clip, redact, redactedEnd, shorten } from '../../src/redact.js';

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
    ['a signature in a URL', 'Get "https://charts.example.com/index.yaml?sv=1&sig=hunter2": EOF', 'hunter2'],
    ['a password in a URL', 'redis://user:hunter2@redis:6379 refused', 'hunter2'],
    ['a password without a user in a URL', 'rediss://:hunter2@redis:6379 refused', 'hunter2'],
    ['key data of a kubeconfig', `client-key-data: ${secret}`, secret],
    ['a token of a kubeconfig', `token: "${secret}"`, secret],
    [
      "a token in the place of a URL's user",
      'https://glpat0123456789abcdefgh@charts.example.com failed',
      'glpat0123456789abcdefgh',
    ],
    ['a password with an @ in a URL', 'https://me:p@ss@charts.example.com failed', 'ss@'],
    ['a token of EKS', 'Authorization k8s-aws-v1.aHR0cHM6Ly9zdHM-_x', 'aHR0cHM6'],
    ['a JSON web token behind a hyphen', 'token-eyJhbGciOi.eyJzdWIi.c2ln', 'eyJzdWIi'],
    ['long runs of base64', `x ${'QUJD'.repeat(40)} y`, 'QUJDQUJD'],
  ];
  for (const [what, text, hidden] of cases)
    test(what, () => {
      assert.ok(text.includes(hidden));
      assert.ok(!redact(text).includes(hidden), redact(text));
    });
  for (const text of [
    'pods "helloworld-v1-5f7" is forbidden: User "u-istio" cannot get resource "pods" in namespace "sample"',
    'cannot pull docker://registry.example.com:5000/istio/proxyv2@sha256:0123abcd from https://registry.example.com/v2/',
    'the key eyJ is too short; heyJoe.example.com does not resolve',
  ])
    test(`nothing of an ordinary message: ${text.slice(0, 30)}`, () => assert.equal(redact(text), text));
});

describe('of a text that is too long, redaction', () => {
  const filler = 'word '.repeat(20_000);

  test('keeps both ends and says how much it omitted', () => {
    const short = redact(`the beginning ${filler} the end`);
    assert.match(short, /^the beginning word .* \[\d+ characters omitted\] .* the end$/);
    assert.ok(short.length < 70_000);
  });

  const pem = `-----BEGIN PRIVATE KEY-----\n${`${'QUJD'.repeat(16)}\n`.repeat(4)}-----END PRIVATE KEY-----`;
  // The cut moves through the secret.
  for (const [what, secret, hidden] of [
    ['PEM block', pem, /QUJD/],
    ['token', `token=${'c2Vj'.repeat(40)}`, /c2Vj/],
    ['word', 'QUJD'.repeat(60), /QUJD/],
  ] as const)
    test(`leaves no part of a truncated ${what}`, () => {
      for (let shift = 0; shift < secret.length; shift += 3) {
        const before = filler.slice(0, 32_000 - shift - 1);
        const after = filler.slice(0, 32_000 - (secret.length - shift) - 1);
        assert.doesNotMatch(redact(`${before} ${secret} ${filler}`), hidden);
        assert.doesNotMatch(redact(`${filler} ${secret} ${after}`), hidden);
      }
    });
});

describe('the end of a log', () => {
  const key = Array.from({ length: 30 }, (_, line) => `12:00:${line} ${'MIIEvQIBADANBgkqhkiG9w0B'.repeat(2)}${line}`);
  const lines = [
    'before',
    '12:00 -----BEGIN RSA PRIVATE KEY-----',
    ...key,
    '12:01 -----END RSA PRIVATE KEY-----',
    'after',
  ];
  test('has no part of a key, wherever the log or its end begins', () => {
    for (let first = 0; first < lines.length; first++) {
      const log = lines.slice(first).join('\n');
      for (const most of [log.length, log.length - 1, 1000, 200])
        assert.doesNotMatch(redactedEnd(log, most), /MIIEvQ/, `from line ${first}, ${most} characters`);
      assert.match(redactedEnd(log, 10_000), /after$/);
    }
  });
  test('begins with a whole line, or a whole word of a line that is too long', () => {
    assert.equal(redactedEnd('one two\nthree four\nfive', 12), 'five');
    assert.equal(redactedEnd(`${'x'.repeat(100)} three four`, 8), 'four');
    assert.equal(redactedEnd('x'.repeat(100), 8), '');
    assert.equal(redactedEnd('one two\nthree', 100), 'one two\nthree');
  });
});

test('a long text keeps its end, where tools put their reason', () => {
  assert.equal(shorten('short'), 'short');
  assert.ok(shorten(`${'x'.repeat(1000)} the reason`, 50).endsWith('the reason'));
  assert.ok(shorten('x'.repeat(1000), 50).length <= 52);
});

test('a clipped text keeps its start', () => {
  assert.equal(clip('short', 5), 'short');
  assert.equal(clip('the reason and more', 10), 'the reason…');
});

describe('a million characters', () => {
  test('that match the start of every pattern pass through every text function without blocking a worker', async () => {
    const bench = fileURLToPath(new URL('../../bench/text.ts', import.meta.url));
    // In a separate process that can be killed: a quadratic algorithm would take most of an hour.
    const { stdout } = await execa(process.execPath, ['--import', 'tsx', bench, '--characters', '1000000'], {
      timeout: 120_000,
    });
    for (const { name } of textFunctions) assert.ok(stdout.includes(name), name);
  });

  for (const { name, apply } of textFunctions)
    test(`become a text of a bounded length in ${name}`, () => {
      for (const seed of unfriendlyTexts) {
        const result = apply(seed.repeat(Math.ceil(1_000_000 / seed.length)).slice(0, 1_000_000));
        assert.ok(JSON.stringify(result ?? '').length < 300_000, `${name} of ${seed}`);
      }
    });
});
