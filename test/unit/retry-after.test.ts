import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hours } from '../../src/duration.js';
import { retryAfterMs } from '../../src/retry-after.js';

test('Retry-After is understood as seconds', () => {
  assert.equal(retryAfterMs('30'), 30_000);
  assert.equal(retryAfterMs('0'), 0);
  assert.equal(retryAfterMs('0.05'), 50);
});

test('Retry-After is understood as a date, and one in the past as now', () => {
  const inAnHour = retryAfterMs(new Date(Date.now() + hours(1)).toUTCString())!;
  assert.ok(inAnHour > hours(1) - 2_000 && inAnHour <= hours(1), String(inAnHour));
  assert.equal(retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT'), 0);
});

for (const header of [undefined, null, '', 'soon', '-x'])
  test(`Retry-After asks for nothing if it is ${header === '' ? 'empty' : header}`, () =>
    assert.equal(retryAfterMs(header), undefined));
