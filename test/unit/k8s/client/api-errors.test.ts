import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ApiError, lacksRight } from '../../../../src/k8s/client/api-errors.js';

const errorFrom = (body: string) => ApiError.from('host', 'GET /api/v1/pods?limit=1', 500, body);

describe('the error of an API', () => {
  test('contains what Kubernetes said, and the call', () => {
    const { message, reason } = errorFrom('{"reason":"InternalError","message":"etcdserver: leader changed"}');
    assert.equal(message, 'host: etcdserver: leader changed (GET /api/v1/pods: 500)');
    assert.equal(reason, 'InternalError');
  });

  test('clips what a proxy answered instead of Kubernetes', () => {
    assert.match(errorFrom('<html>'.repeat(100)).message, /^host: (<html>)+.*… \(GET/);
    assert.ok(errorFrom('<html>'.repeat(100)).message.length < 260);
  });

  test('ignores a message that is not text', () => {
    assert.match(errorFrom('{"message":{"a":1}}').message, /"a":1/);
    assert.match(errorFrom('').message, /status 500/);
  });
});

describe('a 403', () => {
  it('from the authorizer is distinguished from one from admission', () => {
    const answer = (message: string, status = 403) => new ApiError('host', status, 'Forbidden', message);
    assert.ok(
      lacksRight(
        answer('pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "x"'),
      ),
    );
    assert.ok(!lacksRight(answer('pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged')));
    assert.ok(!lacksRight(answer('admission webhook "x" denied the request: User "u" is not liked')));
    assert.ok(!lacksRight(new Error('User "u" cannot create resource "pods"')));
  });
});
