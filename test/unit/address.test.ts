import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitAddress, withoutBrackets } from '../../src/address.js';

test('splits host:port, and removes the brackets of an IPv6 address', () => {
  assert.deepEqual(splitAddress('edge.example.com:8443'), { host: 'edge.example.com', port: 8443 });
  assert.deepEqual(splitAddress('[2001:db8::1]:443'), { host: '2001:db8::1', port: 443 });
});

test('returns the host of a URL as DNS and sockets require it', () => {
  assert.equal(withoutBrackets(new URL('https://[::1]:443').hostname), '::1');
  assert.equal(withoutBrackets(new URL('https://edge.example.com').hostname), 'edge.example.com');
});
