import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerCounts, answersChart } from '../../../../../src/jobs/commands/verify/chart.js';
import { checkNames, type Finding } from '../../../../../src/jobs/commands/verify/checks.js';
import { areas, checkedPlan } from '../../../../../src/jobs/commands/verify/checked.js';
import type { Direction } from '../../../../../src/jobs/commands/verify/measure.js';
import { emptyTraffic } from '../../../../support/traffic.js';
import { problemsOfMessage } from '../../../../support/slack-limits.js';

const from = (name: string, versions: Record<string, number>): Direction => ({
  from: name,
  traffic: emptyTraffic({ sequential: { versions } }),
});

test('the chart has v1 and v2 for each direction, with 0 for a version that never answers', () => {
  const counts = answerCounts([from('vc1', { v1: 13, v2: 11 }), from('vc2', { v2: 96 })])!;
  const { chart, title } = answersChart('demo', counts);
  assert.equal(title, 'demo: answers to sequential requests');
  assert.deepEqual(chart, {
    type: 'bar',
    series: [
      {
        name: 'v1',
        data: [
          { label: 'from vc1', value: 13 },
          { label: 'from vc2', value: 0 },
        ],
      },
      {
        name: 'v2',
        data: [
          { label: 'from vc1', value: 11 },
          { label: 'from vc2', value: 96 },
        ],
      },
    ],
    axis_config: { categories: ['from vc1', 'from vc2'], y_label: 'answers' },
  });
});

test('there is no chart where no request was answered', () => {
  assert.equal(answerCounts([from('vc1', {}), { from: 'vc2', problem: 'no sleep' }]), undefined);
});

test('the chart stays within the limits of Slack, however many versions with whatever names answer', () => {
  const versions = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`version-${index}`, 1]));
  const counts = answerCounts([from('vc1', { ...versions, ['x'.repeat(300)]: 4, '': 1 }), from('vc2', { v1: 1 })])!;
  const chart = answersChart('d'.repeat(20), counts);
  assert.deepEqual(problemsOfMessage({ text: 'a verdict', blocks: [chart] }), []);
  assert.equal(counts.versions.length, 6);
});

test('every check is in one area of the plan', () => {
  const listed = areas.flatMap(({ checks }) => checks);
  assert.deepEqual(listed.toSorted(), checkNames.toSorted());
});

test('the plan shows which area has an error, which could not be checked, and what was seen', () => {
  const finding = (check: Finding['check'], state: Finding['state'], evidence = ''): Finding => ({
    ...{ check, cluster: 'vc1', state, evidence },
  });
  const plan = checkedPlan([
    finding('api', 'pass'),
    finding('istiod', 'fail', 'istiod is not ready'),
    finding('versions', 'unknown', 'images are named by digest'),
    finding('sleep', 'unknown', 'not known'),
  ])!;
  assert.equal(plan.title, '1 of 4 checks passed');
  assert.deepEqual(
    plan.tasks!.map(({ title, status }) => [title, status]),
    [
      ['APIs, gateways and dashboards', 'complete'],
      ['istiod and versions', 'error'],
      ['sleep and helloworld', 'pending'],
    ],
  );
  assert.match(
    JSON.stringify(plan.tasks![1]),
    /vc1 istiod: istiod is not ready\\nvc1 versions: images are named by digest \(not checked\)/,
  );
  assert.deepEqual(problemsOfMessage({ text: 'a verdict', blocks: [plan] }), []);
});
