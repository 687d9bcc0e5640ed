import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areDistinct } from '../../../src/config/host-templates.js';
import { readDemoConfig } from '../../../src/config.js';

test('the default public names of demos are distinct, whatever the demos are called', () => {
  assert.ok(areDistinct(readDemoConfig(undefined).hosts));
});

for (const [why, api, dashboard, isDistinct] of [
  ['one endpoint has the name of another', '{demo}-{cluster}.{domain}', '{demo}-{cluster}.{domain}', false],
  [
    'a demo a-dashboard would get what a has',
    '{cluster}-{demo}.{domain}',
    '{cluster}-{demo}-dashboard.{domain}',
    false,
  ],
  [
    'a demo dashboard-a would get what a has',
    '{demo}-{cluster}.{domain}',
    'dashboard-{demo}-{cluster}.{domain}',
    false,
  ],
  ['each has a domain of its own', '{cluster}-{demo}.api.{domain}', '{cluster}-{demo}.dashboard.{domain}', true],
  ['demos are in the middle', '{cluster}.{demo}.{domain}', 'dashboard.{cluster}.{demo}.{domain}', true],
] as const)
  test(`templates are ${isDistinct ? 'distinct' : 'refused'} where ${why}`, () => {
    assert.equal(areDistinct({ api, dashboard }), isDistinct);
  });
