import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig, type DemoConfig } from '../../../../src/config.js';
import { dashboardMessage } from '../../../../src/jobs/commands/dashboard.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const demo = plannedDemo({ now: new Date() });

test('the message with the dashboards says where their names must point, by IPv4, IPv6 or name', () => {
  const textWith = (address: string | undefined) => {
    const exposure: DemoConfig['exposure'] = {
      kind: 'nginx',
      ingressClassName: 'nginx',
      annotations: {},
      proof: 'required',
      address,
    };
    const config = { ...readDemoConfig(undefined), exposure };
    const accesses = [{ cluster: 'vc1' as const, token: 'a-token', expires: new Date() }];
    return JSON.stringify(dashboardMessage(config, demo, accesses));
  };
  const url = 'https://demo-vc1-dashboard.vcdemo.example.com';
  assert.ok(textWith(undefined).includes(`${url}/`));
  for (const [address, host] of [
    ['192.0.2.1:8443', '192.0.2.1'],
    ['[2001:db8::1]:8443', '2001:db8::1'],
    ['edge.example.com:8443', 'edge.example.com'],
  ])
    assert.ok(textWith(address).includes(`${url}:8443/ (point that name to ${host})`), address);
});
