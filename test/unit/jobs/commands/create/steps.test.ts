import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const sourceOf = (name: string) =>
  readFileSync(new URL(`../../../../../src/jobs/commands/create/${name}.ts`, import.meta.url), 'utf8');

test('steps.ts of create has the steps in the order of the flow', () => {
  const inFlow = [...sourceOf('flow').matchAll(/\bwork: (\w+)/g)].map(([, name]) => name);
  const inSteps = [...sourceOf('steps').matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
  assert.ok(inFlow.length > 10);
  assert.deepEqual(inSteps, inFlow);
});
