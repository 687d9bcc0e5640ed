import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ApiError, isOutage, isPassing, lacksRight } from '../../../../src/k8s/client/api-errors.js';

const errorFrom = (body: string) => ApiError.from('host', 'GET /api/v1/pods?limit=1', 500, body);

describe('the error of an API', () => {
  test('contains what Kubernetes said, and the call', () => {
    const { message, reason } = errorFrom('{"reason":"InternalError","message":"etcdserver: leader changed"}');
    assert.equal(message, 'host: etcdserver: leader changed (GET /api/v1/pods: 500)');
    assert.equal(reason, 'InternalError');
  });

  test('says in words what a proxy answered instead of Kubernetes', () => {
    const page = '<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>nginx</body></html>';
    assert.equal(
      errorFrom(page).message,
      'host: a web page came back instead of an answer from Kubernetes: 413 Request Entity Too Large (GET /api/v1/pods: 500)',
    );
    assert.match(errorFrom('<html><body><h1>Please log in</h1>').message, /Kubernetes: Please log in \(GET/);
    assert.ok(errorFrom(`<html>${'a'.repeat(5000)}`).message.length < 300);
  });

  test('says that Kubernetes has not refused a request that a proxy refused', () => {
    const refused = (body: string) => ApiError.from('host', 'GET /api/v1/pods', 403, body).message;
    const stranger = 'host: something else came back instead of an answer from Kubernetes';
    assert.equal(refused(''), `${stranger} (GET /api/v1/pods: 403)`);
    assert.equal(refused('Access denied\n'), `${stranger}: Access denied (GET /api/v1/pods: 403)`);
  });

  test('ignores a message that is not text', () => {
    assert.match(errorFrom('{"message":{"a":1}}').message, /"a":1/);
    assert.match(errorFrom('').message, /status 500/);
  });
});

test('a webhook that does not answer is waited for, but is no outage of the API', () => {
  const answer = (message: string) => new ApiError('host', 500, 'InternalError', message);
  const webhook = answer('host: Internal error occurred: failed calling webhook "x": context deadline exceeded');
  assert.deepEqual([isPassing(webhook), isOutage(webhook)], [true, false]);
  assert.ok(isOutage(answer('host: etcdserver: leader changed')));
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
