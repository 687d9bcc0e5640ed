import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownsAll } from '../../../../src/k8s/client/field-owners.js';

/* Fields as a Kubernetes API server notes them. */

const applied = (fieldsV1: object) => ({ manager: 'vcdemo', operation: 'Apply', apiVersion: 'v1', fieldsV1 });
const others = (fieldsV1: object) => ({ manager: 'kubectl-patch', operation: 'Update', apiVersion: 'v1', fieldsV1 });

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'helloworld', namespace: 'sample', labels: { app: 'helloworld' } },
  spec: { ports: [{ port: 5000, name: 'http' }], selector: { app: 'helloworld' }, externalIPs: [] },
};
const labels = { 'f:annotations': { 'f:vcdemo.io/manifest-hash': {} }, 'f:labels': { 'f:app': {} } };
const port = { '.': {}, 'f:name': {}, 'f:port': {} };
const ports = { 'k:{"port":5000,"protocol":"TCP"}': port };

describe('a manager', () => {
  it('still owns what it applied, also while others have set fields of their own', () => {
    const own = applied({ 'f:metadata': labels, 'f:spec': { 'f:ports': ports, 'f:selector': {} } });
    const nodePort = { 'k:{"port":5000,"protocol":"TCP"}': { 'f:nodePort': {} } };
    assert.ok(ownsAll([own], service, 'vcdemo'));
    assert.ok(ownsAll([own, others({ 'f:spec': { 'f:clusterIP': {}, 'f:ports': nodePort } })], service, 'vcdemo'));
  });

  it('has lost a field that somebody else has set, in the object, in a list or among its labels', () => {
    const without = (fields: object) => [applied(fields), others({ 'f:spec': { 'f:selector': {} } })];
    const lost = [
      { 'f:metadata': labels, 'f:spec': { 'f:ports': ports } },
      { 'f:metadata': labels, 'f:spec': { 'f:ports': { 'k:{"port":5001,"protocol":"TCP"}': port }, 'f:selector': {} } },
      { 'f:metadata': { 'f:labels': { 'f:x': {} } }, 'f:spec': { 'f:ports': ports, 'f:selector': {} } },
    ];
    for (const fields of lost) assert.equal(ownsAll(without(fields), service, 'vcdemo'), false, JSON.stringify(fields));
  });

  it('has lost everything if another one applied the object since', () =>
    assert.equal(ownsAll([others({ 'f:spec': {} })], service, 'vcdemo'), false));

  it('has lost everything if somebody has removed the notes of who wrote what', () => {
    for (const notes of [undefined, [], 'x']) assert.equal(ownsAll(notes, service, 'vcdemo'), false);
  });

  it('is not said to have lost anything where nobody else has written the object', () => {
    const status = { ...others({ 'f:status': {} }), subresource: 'status' };
    assert.ok(ownsAll([applied({}), status], service, 'vcdemo'));
  });
});
