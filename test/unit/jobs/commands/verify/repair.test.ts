import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import { repairButton } from '../../../../../src/jobs/commands/verify/repair.js';

const cause = (isRepairable: boolean, restarts = false) => ({
  ...{ name: 'a cause', evidence: ['seen'], remedy: mrkdwn`do this` },
  ...{ isRepairable, restarts },
});

test('Repair is offered for what create mends, and asks nothing', () =>
  assert.deepEqual(repairButton({ name: 'team-a' }, [cause(false, true), cause(true)]), {
    label: 'Repair',
    style: 'primary',
    value: 'create team-a',
  }));

test('Repair asks before it restarts something, and says what', () => {
  const button = repairButton({ name: 'team-a' }, [cause(true), cause(true, true)]);
  assert.equal(button?.value, 'create team-a --restart');
  assert.match(button.question!.text, /restarts istiod, helloworld and sleep in both virtual clusters of \*team-a\*/);
});

test('Repair is not offered for what others made', () =>
  assert.equal(repairButton({ name: 'team-a' }, [cause(false)]), undefined));
