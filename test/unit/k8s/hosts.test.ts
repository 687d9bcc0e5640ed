import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { hostOf } from '../../../src/k8s/hosts.js';

test('a public name is derived from the template', () => {
  assert.equal(hostOf(readDemoConfig(undefined), 'dashboard', 'demo', 'vc2'), 'demo-vc2-dashboard.vcdemo.example.com');
});
