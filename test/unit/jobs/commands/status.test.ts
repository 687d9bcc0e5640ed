import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import type { Task } from '../../../../src/jobs/flow.js';
import { statusMessage } from '../../../../src/jobs/commands/status.js';
import type { DemoState } from '../../../../src/k8s/demo/demo.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const config = readDemoConfig(undefined);
const missing: Task = { step: 'istiod', says: 'Installing istiod', state: 'failed' };
const holder = { purpose: 'create', jobId: 'create-1', since: new Date() };

const statusOf = (state: DemoState, ...[by]: [typeof holder?]): string =>
  JSON.stringify(statusMessage({ ...plannedDemo({ name: 'team-a' }), state }, [missing], by, config).blocks);

test('a status says of an unfinished creation whether a job is working on it', () => {
  assert.match(statusOf('creating'), /Its creation has not finished yet, and no job is working on it now\./);
  assert.match(statusOf('creating', holder), /Job `create-1` has been working on it since/);
});

test('a status advises to finish what was begun, once no job is working on it', () => {
  assert.match(statusOf('creating'), /`\/vcdemo create team-a` restores what is missing\./);
  assert.match(statusOf('deleting'), /`\/vcdemo delete team-a` finishes the deletion\./);
  assert.doesNotMatch(statusOf('deleting', holder), /What to do/);
});
