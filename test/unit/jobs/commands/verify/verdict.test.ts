import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { detailsFile } from '../../../../../src/jobs/commands/verify/details.js';
import { verifyMessage } from '../../../../../src/jobs/commands/verify/messages.js';
import { isUnexplained, type PublicWay } from '../../../../../src/jobs/commands/verify/outcome.js';
import type { Direction } from '../../../../../src/jobs/commands/verify/measure.js';
import { evenly } from '../../../../../src/jobs/commands/verify/shares.js';
import { judge } from '../../../../../src/jobs/commands/verify/verdict.js';
import { mrkdwn } from '../../../../../src/mrkdwn.js';
import type { Run, Traffic } from '../../../../../src/k8s/mesh/traffic.js';
import { textOf } from '../../../../support/stack.js';

function run(versions: Record<string, number>, { errors = {}, msOf = {} }: RunOptions = {}): Run {
  const counted = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const timesByVersion = Object.fromEntries(
    Object.entries(versions).map(([version, count]) => [version, Array<number>(count).fill(msOf[version] ?? 4)]),
  );
  return {
    requests: counted(versions) + counted(errors),
    versions,
    instances: Object.fromEntries(Object.entries(versions).map(([version, count]) => [`helloworld-${version}`, count])),
    errors,
    times: Object.values(timesByVersion).flat(),
    timesByVersion,
  };
}
interface RunOptions {
  errors?: Record<string, number>;
  msOf?: Record<string, number>;
}

function direction(from: string, traffic: Partial<Traffic> = {}): Direction {
  const good = { parallel: run({ v1: 6, v2: 6 }), sequential: run({ v1: 12, v2: 12 }) };
  return { from, traffic: { ...good, endpoints: undefined, retries: 0, ...traffic } };
}

const judged = (...directions: Direction[]) => judge(directions, evenly);

describe('the verdict', () => {
  test('is a pass where both versions answer in both directions', () => {
    const verdict = judged(direction('vc1'), direction('vc2'));
    assert.deepEqual([verdict.kind, verdict.reason], ['pass', 'the mesh works: both versions answer']);
  });

  test('is the worse of two directions, which it names', () => {
    const { kind, reason } = judged(direction('vc1'), direction('vc2', { sequential: run({ v2: 96 }) }));
    assert.deepEqual([kind, reason], ['fail', 'from vc2, v1 never answers']);
  });

  test('says once what is so in every direction', () => {
    const broken = { errors: { 'HTTP 503: no healthy upstream': 24 } };
    const everywhere = { parallel: run({}, broken), sequential: run({}, broken) };
    const { reason } = judged(direction('vc1', everywhere), direction('vc2', everywhere));
    assert.equal(reason, 'from every cluster, no request is answered: HTTP 503: no healthy upstream');
  });

  test('is a failure at one error, however good the shares are', () => {
    const { kind, reason } = judged(direction('vc1', { parallel: run({ v1: 6, v2: 5 }, { errors: { timeout: 1 } }) }));
    assert.deepEqual([kind, reason], ['fail', 'from vc1, 1 of 36 requests fail: timeout']);
  });

  test('names the version that is silent among errors', () => {
    const errors = { 'Operation timed out': 6 };
    const { reason } = judged(direction('vc1', { parallel: run({ v1: 6 }, { errors }), sequential: run({ v1: 3 }) }));
    assert.equal(reason, 'from vc1, 6 of 15 requests fail, and v2 never answers: Operation timed out');
  });

  test('stays open where chance explains the shares', () => {
    assert.equal(judged(direction('vc1', { sequential: run({ v1: 1800, v2: 200 }) })).kind, 'inconclusive');
  });

  test('is a failure where no request could be sent', () => {
    const { kind, reason } = judged({ from: 'vc1', problem: 'there is no ready sleep pod in vc1' });
    assert.deepEqual(
      [kind, reason],
      ['fail', 'from vc1, no request could be sent: there is no ready sleep pod in vc1'],
    );
  });

  test('remarks on uneven shares in parallel with the latency of both, and passes', () => {
    const slow = { msOf: { v1: 8, v2: 85 } };
    const { kind, directions } = judged(
      direction('vc1', { parallel: run({ v1: 635, v2: 365 }), sequential: run({ v1: 510, v2: 490 }, slow) }),
    );
    assert.equal(kind, 'pass');
    assert.deepEqual(directions[0]!.remarks, [
      'v2 gets 37 % of the requests in parallel: Istio sends fewer to the slower side, which is not a fault; v2 85 ms, v1 8 ms (median)',
    ]);
  });

  test('remarks on retries and on versions that nobody expects', () => {
    const { directions } = judged(direction('vc1', { retries: 3, sequential: run({ v1: 20, v2: 20, v3: 1 }) }));
    assert.deepEqual(directions[0]!.remarks, ['the sidecar retried 3 requests', 'other versions answer too: v3']);
  });
});

describe('the message of verify', () => {
  const verified = (...directions: Direction[]) => ({
    demo: 'demo',
    hostCluster: undefined,
    verdict: judged(...directions),
    directions,
    expectation: evenly,
    findings: [],
    causes: [],
    at: new Date('2026-01-02T03:04:05Z'),
    tookMs: 1234,
  });
  const shown = (directions: Direction[], publicWay?: PublicWay) =>
    textOf(verifyMessage({ ...verified(...directions), publicWay }));

  test('has the verdict and a line for each direction', () => {
    const text = shown([direction('vc1'), direction('vc2', { sequential: run({ v2: 96 }) })]);
    assert.match(text, /:x: \*demo\*: from vc2, v1 never answers/);
    assert.match(
      text,
      /:white_check_mark: \*from vc1\*: v1: 12 · v2: 12 of 24 requests from sleep, sequential; 12 in parallel: median 4 ms, 95 % 4 ms, max 4 ms; no errors/,
    );
    assert.match(text, /:x: \*from vc2\*: v1: 0 · v2: 96 of 96 requests/);
    assert.match(text, /No cause was found/);
  });

  test('blames no fault that has nothing to do with requests for those that fail', () => {
    const directions = [direction('vc1', { sequential: run({ v2: 96 }) })];
    const certificate = {
      name: 'the client certificate has expired',
      evidence: ['vc1: expired'],
      remedy: mrkdwn`Renew`,
    };
    const cause = { ...certificate, isRepairable: true, restarts: false, starts: false, isApart: true as const };
    const text = textOf(verifyMessage({ ...verified(...directions), causes: [cause] }));
    assert.match(text, /No cause was found[\s\S]*\*Another fault:\* the client certificate has expired/);
    assert.equal(isUnexplained({ ...verified(...directions), causes: [cause] }), true);
    const { isApart: _, ...explaining } = cause;
    assert.match(textOf(verifyMessage({ ...verified(...directions), causes: [explaining] })), /\*Cause:\* the client/);
  });

  test('escapes what pods answered', () => {
    const errors = { '<!channel> & more': 12 };
    const text = shown([direction('vc1', { parallel: run({}, { errors }), sequential: run({}, { errors }) })]);
    assert.match(text, /&lt;!channel&gt; &amp; more/);
    assert.doesNotMatch(text, /<!channel>/);
  });

  test('is a failure where the public name is required and does not work', () => {
    assert.match(
      shown([direction('vc1')], { problem: 'TLS ends there', isRequired: true }),
      /:x: \*demo\*: the mesh works: both versions answer; its public name does not work/,
    );
  });

  test('comes with a file that has the p-value, the latencies and the pods', () => {
    const { filename, content, comment } = detailsFile(verified(direction('vc1')));
    assert.equal(filename, 'verify-demo-2026-01-02T03-04-05Z.json');
    assert.match(comment.text, /p = 1 against the expected shares/);
    const parsed = JSON.parse(String(content)) as {
      verdict: string;
      directions: { shares: { pValue: number }; sequential: { instances: object; latencyMsByVersion: object } }[];
    };
    assert.equal(parsed.verdict, 'pass');
    assert.equal(parsed.directions[0]!.shares.pValue, 1);
    assert.deepEqual(parsed.directions[0]!.sequential.instances, { 'helloworld-v1': 12, 'helloworld-v2': 12 });
    assert.deepEqual(parsed.directions[0]!.sequential.latencyMsByVersion, {
      v1: { median: 4, p95: 4, max: 4 },
      v2: { median: 4, p95: 4, max: 4 },
    });
  });
});
