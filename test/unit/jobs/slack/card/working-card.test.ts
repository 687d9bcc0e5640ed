import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlanBlock, TaskCardBlock } from '@slack/web-api';
import { minutes, seconds } from '../../../../../src/duration.js';
import type { Task } from '../../../../../src/jobs/flow.js';
import { workingCard, type Working } from '../../../../../src/jobs/slack/card/working-card.js';
import { mrkdwn } from '../../../../../src/mrkdwn.js';

const now = new Date('2026-01-02T03:04:05Z');
const ago = (ms: number) => new Date(now.getTime() - ms);
const title = mrkdwn`Creating demo *team-a*`;
const task = (fields: Partial<Task>): Task => ({
  step: 'istiod',
  says: 'Installing istiod',
  state: 'waiting',
  ...fields,
});
const both = (vc1: Partial<Task>, vc2: Partial<Task> = vc1) => [
  task({ cluster: 'vc1', ...vc1 }),
  task({ cluster: 'vc2', ...vc2 }),
];

const cardOf = (working: Partial<Working>) =>
  workingCard({ title, tasks: [], since: ago(seconds(24)), now, jobId: 'create-1', ...working });
const planOf = (working: Partial<Working>) => cardOf(working).blocks[0] as PlanBlock;
const onlyTask = (tasks: Task[], working: Partial<Working> = {}) => {
  const [only, ...more] = planOf({ tasks, ...working }).tasks as TaskCardBlock[];
  assert.deepEqual(more, []);
  return only!;
};
const textIn = (rich: TaskCardBlock['details']): string =>
  /"text":"([^"]*)"\}\]/.exec(JSON.stringify(rich ?? {}))?.[1] ?? '';

test('a card begins before its steps are known', () =>
  assert.equal(planOf({}).title, 'Creating demo team-a · starting · 24s'));

test('a card counts the steps that are done on both clusters, and its text says what is under way', () => {
  const tasks = [
    ...both({ state: 'done' }).map((each) => ({
      ...each,
      step: 'virtualCluster',
      says: 'Starting the virtual cluster',
    })),
    ...both({ state: 'done' }, { state: 'running' }),
  ];
  assert.equal(planOf({ tasks }).title, 'Creating demo team-a · 1 of 2 steps · 24s');
  assert.equal(cardOf({ tasks }).text, 'Creating demo team-a: 1 of 2 steps · 24s. Now: Installing istiod');
});

describe('the status of a step', () => {
  for (const [status, vc1, vc2] of [
    ['pending', 'waiting', 'waiting'],
    ['pending', 'skipped', 'done'],
    ['in_progress', 'running', 'waiting'],
    ['in_progress', 'done', 'waiting'],
    ['complete', 'done', 'done'],
    ['error', 'failed', 'running'],
  ] as const)
    test(`is ${status} if it is ${vc1} on one cluster and ${vc2} on the other`, () =>
      assert.equal(onlyTask(both({ state: vc1 }, { state: vc2 })).status, status));

  test('is no error if it may fail, which is remarked on', () => {
    const { status, output } = onlyTask([task({ state: 'failed', optional: true, error: new Error('no room') })]);
    assert.notEqual(status, 'error');
    assert.equal(textIn(output), 'not done: no room');
  });
});

describe('a step says', () => {
  test('what it waits for, once if that is the same on both clusters', () =>
    assert.equal(textIn(onlyTask(both({ state: 'running', seen: 'pod pending' })).details), 'pod pending'));
  test('what it waits for on each cluster where they differ', () =>
    assert.equal(
      textIn(onlyTask(both({ state: 'running', seen: 'pod pending' }, { state: 'done' })).details),
      'vc1: pod pending · vc2: done',
    ));
  test('why it failed', () =>
    assert.equal(textIn(onlyTask([task({ state: 'failed', error: new Error('no CPU') })]).details), 'no CPU'));
  test('a remark of both clusters once', () =>
    assert.equal(textIn(onlyTask(both({ state: 'done', note: 'weaker' })).output), 'weaker'));
  test('that it is slow, which is no failure, if it takes twice as long as usual', () => {
    const usual = { totalMs: minutes(2), stepMs: { istiod: seconds(15) } };
    const running = (ms: number) => onlyTask([task({ state: 'running', startedAt: ago(ms) })], { usual });
    assert.equal(running(seconds(29)).title, 'Installing istiod');
    assert.equal(running(seconds(31)).title, 'Installing istiod · slower than usual (31s, usually 15s)');
    assert.equal(running(seconds(31)).status, 'in_progress');
  });
});

describe('the time of a run', () => {
  for (const [usualMs, expected] of [
    [seconds(64), '24s, about 40s left'],
    [seconds(25), '24s, nearly done'],
    [seconds(5), '24s, slower than usual (usually 5s)'],
  ] as const)
    test(`reads "${expected}" if earlier ones took ${usualMs / 1000} s`, () =>
      assert.equal(
        planOf({ usual: { totalMs: usualMs, stepMs: {} } }).title,
        `Creating demo team-a · starting · ${expected}`,
      ));
  test('never goes backwards if clocks differ', () =>
    assert.equal(
      planOf({ since: new Date(now.getTime() + minutes(1)) }).title,
      'Creating demo team-a · starting · 0s',
    ));
});

test('an interrupted run has no step under way and says who continues', () => {
  const tasks = both({ state: 'running' }, { state: 'done' });
  const working = { tasks, isInterrupted: true, usual: { totalMs: minutes(2), stepMs: {} } };
  assert.match(planOf(working).title, /24s · interrupted, continues on the next free worker$/);
  assert.equal(textIn(onlyTask(tasks, working).details), 'vc1: not started · vc2: done');
});

test('a card has the buttons that it is given, and the job', () => {
  const { blocks } = cardOf({ actions: [{ label: 'Cancel', value: 'cancel team-a' }] });
  assert.deepEqual(
    blocks.map(({ type }) => type),
    ['plan', 'actions', 'context'],
  );
  assert.match(JSON.stringify(blocks), /cancel team-a.*Job `create-1`/);
  assert.deepEqual(
    cardOf({}).blocks.map(({ type }) => type),
    ['plan', 'context'],
  );
});
