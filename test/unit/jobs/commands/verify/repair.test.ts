import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import { repairButton } from '../../../../../src/jobs/commands/verify/repair.js';

const teamA = { name: 'team-a', hostCluster: undefined };

const cause = (isRepairable: boolean, restarts = false, starts = false) => ({
  ...{ name: 'a cause', evidence: ['seen'], remedy: mrkdwn`do this` },
  ...{ isRepairable, restarts, starts },
});

test('Repair is offered for what create mends, and asks nothing', () =>
  assert.deepEqual(repairButton(teamA, [cause(false, true), cause(true)]), {
    label: 'Repair',
    style: 'primary',
    value: 'create team-a',
  }));

test('Repair asks before it restarts something, and says what', () => {
  const button = repairButton(teamA, [cause(true), cause(true, true)]);
  assert.equal(button?.value, 'create team-a --restart');
  assert.match(
    button.question!.text,
    /restarts istiod, the ingress gateway, helloworld and sleep in both virtual clusters of \*team-a\*/,
  );
});

test('Repair asks before it starts what somebody has stopped', () => {
  const button = repairButton(teamA, [cause(true, false, true)]);
  assert.equal(button?.value, 'create team-a');
  assert.match(
    button.question!.text,
    /^This starts the virtual cluster of \*team-a\* that somebody has scaled to 0\.$/,
  );
});

test('Repair is not offered for what others made', () => assert.equal(repairButton(teamA, [cause(false)]), undefined));
