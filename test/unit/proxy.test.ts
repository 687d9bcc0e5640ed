import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proxyEnvironment } from '../../src/config.js';
import { proxyFor } from '../../src/proxy.js';

const HTTPS_PROXY = 'http://secure:3128';
const HTTP_PROXY = 'http://plain:3128';
const ask = (url: string, NO_PROXY?: string) =>
  proxyFor(new URL(url), { HTTPS_PROXY, HTTP_PROXY, ...(NO_PROXY !== undefined && { NO_PROXY }) });

describe('the proxy for a URL', () => {
  test('depends on its protocol, including WebSockets', () => {
    assert.equal(ask('https://slack.com/api/'), HTTPS_PROXY);
    assert.equal(ask('wss://wss.slack.com/link'), HTTPS_PROXY);
    assert.equal(ask('http://collector:4318'), HTTP_PROXY);
    assert.equal(proxyFor(new URL('http://collector:4318'), { HTTPS_PROXY }), undefined);
    assert.equal(proxyFor(new URL('https://slack.com'), {}), undefined);
  });

  test('is undefined for this machine itself', () => {
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])
      assert.equal(ask(`https://${host}:8443`), undefined, host);
  });

  for (const [noProxy, straight, proxied] of [
    ['*', 'https://slack.com', undefined],
    ['example.com', 'https://example.com', 'https://notexample.com'],
    ['example.com', 'https://api.EXAMPLE.com', 'https://example.com.evil.test'],
    ['.example.com', 'https://api.example.com', 'https://example.com'],
    ['*.example.com', 'https://api.example.com', 'https://example.com'],
    ['example.com:6443', 'https://example.com:6443', 'https://example.com'],
    ['example.com:443', 'https://example.com', 'https://example.com:6443'],
    ['a.test, b.test c.test', 'https://c.test', 'https://d.test'],
    ['10.0.0.0/8', 'https://10.96.0.1', 'https://11.0.0.1'],
    ['10.96.0.1', 'https://10.96.0.1:6443', 'https://10.96.0.10'],
    ['10.96.0.1:443', 'https://10.96.0.1', 'https://10.96.0.1:6443'],
    ['fd00::/8', 'https://[fd00::1]:6443', 'https://[2001:db8::1]'],
    ['[fd00::1]:6443', 'https://[fd00::1]:6443', 'https://[fd00::1]'],
    ['fd00::1', 'https://[fd00::1]', 'https://[fd00::2]'],
    ['10.0.0.0/33,x/8', undefined, 'https://10.0.0.1'],
  ] as const)
    test(`respects NO_PROXY=${noProxy}: ${straight ?? 'nothing'} is reached directly, ${proxied ?? 'nothing'} is not`, () => {
      if (straight) assert.equal(ask(straight, noProxy), undefined);
      if (proxied) assert.equal(ask(proxied, noProxy), HTTPS_PROXY);
    });
});

test('the proxy variables may be in lower case and without a protocol', () => {
  const env = { https_proxy: 'proxy.corp:3128', HTTP_PROXY: 'https://other:1', http_proxy: 'x', NO_PROXY: '' };
  assert.deepEqual(proxyEnvironment(env), { HTTPS_PROXY: 'http://proxy.corp:3128', HTTP_PROXY: 'https://other:1' });
});
