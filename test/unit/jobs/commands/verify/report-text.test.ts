import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import { reportText } from '../../../../../src/jobs/commands/verify/report-text.js';
import { evenly } from '../../../../../src/jobs/commands/verify/shares.js';
import { judge } from '../../../../../src/jobs/commands/verify/verdict.js';

const directions = [{ from: 'east', problem: 'there is no ready sleep pod in east' }];
const verdict = judge(directions, evenly);

const text = (evidence: string) =>
  reportText({
    ...{ verdict, directions, expectation: evenly, at: new Date(), tookMs: 1234, host: undefined },
    pair: undefined as never,
    findings: [
      { check: 'api', cluster: 'east', state: 'pass', evidence: 'answers' },
      { check: 'sleep', cluster: 'east', state: 'fail', evidence },
    ],
    causes: [
      {
        name: 'sleep is missing',
        evidence: [evidence],
        remedy: mrkdwn`Deploy it.`,
        isRepairable: false,
        restarts: false,
        starts: false,
      },
    ],
  });

test('the report for a terminal has the verdict, the checks that did not pass, and the cause with its remedy', () =>
  assert.equal(
    text('no pod of sleep'),
    `FAIL  from east, no request could be sent: there is no ready sleep pod in east

FAIL  from east: no request could be sent: there is no ready sleep pod in east

1 of 2 checks passed
FAIL  east sleep: no pod of sleep

Cause: sleep is missing
  no pod of sleep
  What to do: Deploy it.

1.2 s
`,
  ));

test('what a cluster wrote cannot control the terminal', () =>
  assert.doesNotMatch(text('pod \u001b[2J\u0007 \u009b31m \u202e'), /[\u001b\u0007\u009b\u202e]/));
