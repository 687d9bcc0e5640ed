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

test('a status does not say that a creation failed which succeeded before', () => {
  const demo = { ...plannedDemo({ name: 'team-a' }), state: 'failed', problem: 'it was cancelled' } as const;
  const said = (ready?: Date) => statusMessage({ ...demo, ready }, [missing], undefined, config).blocks;
  assert.match(JSON.stringify(said()), /Its creation failed \(it was cancelled\)/);
  assert.match(JSON.stringify(said(new Date())), /Its restoration failed \(it was cancelled\)/);
});

test('a status advises to finish what was begun, once no job is working on it', () => {
  assert.match(statusOf('creating'), /`\/vcdemo create team-a` restores what is missing\./);
  assert.match(statusOf('deleting'), /`\/vcdemo delete team-a` finishes the deletion\./);
  assert.doesNotMatch(statusOf('deleting', holder), /What to do/);
});

test('a status of a paused demo does not call its stopped parts problems, and says how to start them', () => {
  const said = statusOf('paused');
  assert.match(said, /1 of 1 parts are not in place[\s\S]*`\/vcdemo resume team-a` starts it again\./);
  assert.match(said, /"value":"resume team-a"/);
  assert.doesNotMatch(said, /problems|\/vcdemo create/);
});
