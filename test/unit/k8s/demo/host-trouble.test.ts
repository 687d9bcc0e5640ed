import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hours, minutes } from '../../../../src/duration.js';
import { withBreakage, type TroubleMemory } from '../../../../src/k8s/demo/host-trouble.js';

const start = new Date('2026-01-02T03:00:00Z').getTime();

/** What the administrators are told, after each demo that broke. */
function told(...breakages: [demo: string, afterMs: number, cause?: string][]): (string | undefined)[] {
  let memory: TroubleMemory = { broke: [], told: [] };
  return breakages.map(([demo, afterMs, cause = 'no memory left']) => {
    const next = withBreakage(memory, { demo, cause, at: new Date(start + afterMs) });
    ({ memory } = next);
    return next.trouble && `${next.trouble.demos.join(', ')} since ${next.trouble.since.getTime() - start}`;
  });
}

describe('a host cluster that breaks demos', () => {
  test('is news with the second demo, and then no more', () =>
    assert.deepEqual(told(['a', 0], ['b', 10], ['c', 20], ['a', 30]), [
      undefined,
      'a, b since 0',
      undefined,
      undefined,
    ]));

  test('is no news if one demo breaks again and again', () =>
    assert.deepEqual(told(['a', 0], ['a', 10], ['a', 20]), [undefined, undefined, undefined]));

  test('is no news if demos break for different reasons', () =>
    assert.deepEqual(told(['a', 0], ['b', 10, 'no such image']), [undefined, undefined]));

  test('is no news if demos break far apart', () =>
    assert.deepEqual(told(['a', 0], ['b', minutes(16)]), [undefined, undefined]));

  test('is news again after an hour without such a demo, not sooner', () => {
    const later = minutes(50);
    assert.deepEqual(
      told(
        ['a', 0],
        ['b', 10],
        ['c', later],
        ['d', 2 * later],
        ['e', 2 * later + hours(2)],
        ['f', 2 * later + hours(2) + 5],
      ),
      [undefined, 'a, b since 0', undefined, undefined, undefined, `e, f since ${2 * later + hours(2)}`],
    );
  });

  test('is news for each reason', () =>
    assert.deepEqual(told(['a', 0], ['b', 1], ['a', 2, 'no such image'], ['b', 3, 'no such image']), [
      undefined,
      'a, b since 0',
      undefined,
      'a, b since 2',
    ]));
});
