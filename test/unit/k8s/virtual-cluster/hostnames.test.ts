import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { hostnameOf, wildcardName } from '../../../../src/k8s/virtual-cluster/hostnames.js';

test('a public name is derived from the template', () => {
  assert.equal(
    hostnameOf(readDemoConfig(undefined), 'dashboard', 'demo', 'vc2'),
    'demo-vc2-dashboard.vcdemo.example.com',
  );
});

test('a wildcard certificate covers the APIs of all demos if their names differ in the first label only', () => {
  const wildcard = (api: string, domain = 'demos.example.com') => {
    const { hosts } = readDemoConfig(undefined);
    return wildcardName({ domain, hosts: { ...hosts, api } });
  };
  assert.equal(wildcard('{demo}-{cluster}.{domain}'), '*.demos.example.com');
  assert.equal(wildcard('{demo}-{cluster}.api.{domain}'), '*.api.demos.example.com');
  assert.equal(wildcard('{cluster}.{demo}.{domain}'), undefined);
  assert.equal(wildcard('{demo}.{cluster}.{domain}'), undefined);
  assert.equal(wildcard('{demo}-{cluster}-{domain}', 'com'), undefined);
  assert.equal(wildcard('{demo}-{cluster}.{domain}', 'internal'), undefined, 'clients refuse *.internal');
});
