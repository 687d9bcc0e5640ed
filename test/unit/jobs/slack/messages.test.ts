import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobs, type JobName } from '../../../../src/commands/job-payloads.js';
import { beingWorkedOnMessage } from '../../../../src/jobs/slack/messages.js';

const saidOf = (purpose: string) =>
  beingWorkedOnMessage({ name: 'demo', hostCluster: undefined }, { purpose, jobId: 'j1', since: new Date(0) }).text;

const writing = (Object.keys(jobs) as JobName[]).filter((name) => jobs[name].queue !== 'verification');

for (const name of writing)
  test(`a demo that is busy with ${name} says so in words, not by the name of the job`, () => {
    assert.match(saidOf(name), /Demo demo is busy: (it is|access to it is|its certificates are) being \w+/);
    assert.doesNotMatch(saidOf(name), /another job/);
  });

test('a demo that is busy with a job of another version names that job', () => {
  assert.match(saidOf('paint'), /another job \(paint\) is working on it/);
  assert.match(saidOf('constructor'), /another job \(constructor\) is working on it/);
});
