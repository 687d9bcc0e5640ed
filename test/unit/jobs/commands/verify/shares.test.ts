import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evenly, judgeShares, nextLook, shareRule } from '../../../../../src/jobs/commands/verify/shares.js';
import { runScenario, scenarios } from '../../../../support/verdict-runs.js';

describe('the shares of requests that were sent one after the other', () => {
  const kind = (v1: number, v2: number) => judgeShares({ v1, v2 }, evenly).kind;

  test('pass where both versions answer, however uneven', () => {
    assert.equal(kind(12, 12), 'pass');
    assert.equal(kind(635, 365), 'pass');
    assert.equal(kind(800, 200), 'pass');
  });

  test('fail where a version never answers, or too rarely for chance', () => {
    const { pValue, ...verdict } = judgeShares({ v1: 96 }, evenly);
    assert.deepEqual(verdict, { kind: 'fail', reason: 'v2 never answers', version: 'v2' });
    assert.ok(Math.abs(pValue * 2 ** 95 - 1) < 1e-6);
    assert.match(
      judgeShares({ v1: 769, v2: 31 }, evenly).reason,
      /^v2 answered 31 of 800 requests; its true share is at most 7\.1 %/,
    );
  });

  test('stay open while chance explains them', () => {
    assert.equal(kind(24, 0), 'undecided');
    assert.equal(kind(20, 4), 'undecided');
    assert.equal(kind(180, 20), 'undecided');
    assert.equal(kind(0, 0), 'undecided');
  });

  test('count answers of other versions against both', () => {
    assert.equal(judgeShares({ v1: 500, v2: 20, v3: 500 }, evenly).kind, 'fail');
    assert.equal(judgeShares({ constructor: 96 }, evenly).kind, 'fail');
  });

  describe('that somebody stated', () => {
    const stated = (v1: number, v2: number) => ({ weights: { v1, v2 }, isStated: true });

    test('pass where they match', () => {
      assert.equal(judgeShares({ v1: 178, v2: 22 }, stated(90, 10)).kind, 'pass');
      assert.equal(judgeShares({ v1: 200 }, stated(100, 0)).kind, 'pass');
    });

    test('fail where they do not, though both versions answer', () => {
      const verdict = judgeShares({ v1: 100, v2: 100 }, stated(90, 10));
      assert.equal(verdict.kind, 'fail');
      assert.match(verdict.reason, /v1 answered 50 % of the requests, not 90 %/);
      assert.equal(judgeShares({ v1: 199, v2: 1 }, stated(100, 0)).kind, 'fail');
    });

    test('fail where a version with a small share never answers', () => {
      assert.equal(judgeShares({ v1: 800 }, stated(90, 10)).kind, 'fail');
    });
  });

  test('are looked at again after twice as many requests, up to the bound', () => {
    const looks = [];
    for (let sent = nextLook(0, evenly); sent !== undefined; sent = nextLook(sent, evenly)) looks.push(sent);
    assert.deepEqual(looks, [24, 48, 96, 192, 384, 768, 1536, shareRule.bound]);
  });
});

describe('in simulated meshes with least-request, bursts and errors, the rule decides rightly where', () => {
  for (const [index, scenario] of scenarios.entries())
    test(scenario.name, () => {
      const runs = 200;
      const outcome = runScenario(scenario, runs, index + 1);
      assert.equal(outcome[scenario.expected], runs, JSON.stringify(outcome));
      assert.ok(outcome.most <= shareRule.bound);
    });
});
