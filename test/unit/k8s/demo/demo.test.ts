import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withAudit } from '../../../../src/k8s/demo/demo.js';
import { plannedDemo } from '../../../support/planned-demo.js';

test('of what was done with a demo only the last entries are kept', () => {
  let demo = plannedDemo();
  for (let i = 0; i < 80; i++) demo = withAudit(demo, { at: new Date(), by: 'U1', what: `${i} ${'x'.repeat(500)}` });
  assert.equal(demo.audit.length, 50);
  assert.match(demo.audit.at(-1)!.what, /^79 x{297}$/);
});
