import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError, UnreachableError } from '../../../../src/k8s/client/api-errors.js';
import { mayHaveHappened, repeatAfter } from '../../../../src/k8s/client/repeats.js';

const answer = (status: number, retryAfterMs?: number) => new ApiError('host', status, '', 'x', { retryAfterMs });
const noAnswer = (code: string, message = '') =>
  new UnreachableError('host', 'a', 'x', { cause: Object.assign(new Error(message), { code }) });

describe('a request is sent again', () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504, 520, 524])
    test(`when the API answers ${status}`, () => assert.ok(repeatAfter(answer(status), 1)));
  for (const status of [400, 401, 403, 404, 409, 410, 422, 501])
    test(`not when it answers ${status}`, () => assert.equal(repeatAfter(answer(status), 1), undefined));
  test('when it does not answer', () => assert.ok(repeatAfter(noAnswer('ECONNRESET'), 1)));
  test('not if certificates are wrong', () => {
    const certificates = { says: 'x', hint: 'x' };
    assert.equal(repeatAfter(new UnreachableError('host', 'a', 'x', { certificates }), 1), undefined);
  });
  test('not if something else failed', () => assert.equal(repeatAfter(new Error('x'), 1), undefined));

  test('with growing pauses, and never all at the same time', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((tries) => repeatAfter(answer(500), tries, () => 1));
    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 4000]);
    assert.equal(
      repeatAfter(answer(500), 3, () => 0),
      500,
    );
  });

  test('not before the API allows it', () => assert.equal(repeatAfter(answer(429, 7000), 1), 7000));
});

const quotaRace = new ApiError(
  'host',
  409,
  'Conflict',
  'host: Operation cannot be fulfilled on resourcequotas "vcdemo": the object has been modified',
);

test('a request that the API refused because others changed the quota meanwhile is sent again', () => {
  assert.ok(repeatAfter(quotaRace, 1));
});

describe('a request may have been carried out', () => {
  const cases: [what: string, error: Error, may: boolean][] = [
    ['when the server failed', answer(500), true],
    ['when the connection was reset', noAnswer('ECONNRESET', 'socket hang up'), true],
    ['not when it had too much to do', answer(429), false],
    ['not when others changed the quota meanwhile', quotaRace, false],
    ['not when nothing listened', noAnswer('ECONNREFUSED'), false],
    ['not when its name did not resolve', noAnswer('EAI_AGAIN'), false],
    [
      'not when there was no TLS yet',
      noAnswer('ECONNRESET', 'Client network socket disconnected before secure TLS connection was established'),
      false,
    ],
  ];
  for (const [what, error, may] of cases) test(what, () => assert.equal(mayHaveHappened(error), may));
});
