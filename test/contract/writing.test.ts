import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { V1Secret } from '@kubernetes/client-node';
import type { ApiCall } from '../../src/k8s/client/cluster.js';
import { pathOf } from '../../src/k8s/client/discovery.js';
import { remove } from '../../src/k8s/client/objects.js';
import { assertRefused, describeContract } from '../support/contract.js';
import { create, merge, request } from '../support/answers.js';

describeContract('changing objects', (api) => {
  const { namespace, secret, secretPath } = api;

  it('merges a patch, removes fields that are null, and keeps the version when nothing differs', async () => {
    const made = await create<V1Secret>(api.cluster, secret('merged', { stringData: { a: '1', b: '2' } }));
    const merged = await merge<V1Secret>(api.cluster, secret('merged'), { data: { a: null, c: 'Mw==' } });
    assert.deepEqual(merged.data, { b: 'Mg==', c: 'Mw==' });
    assert.notEqual(merged.metadata?.resourceVersion, made.metadata?.resourceVersion);
    const same = await merge<V1Secret>(api.cluster, secret('merged'), { data: { c: 'Mw==' } });
    assert.equal(same.metadata?.resourceVersion, merged.metadata?.resourceVersion);
    await assertRefused(merge(api.cluster, secret('none'), {}), 404, 'NotFound', /secrets "none" not found/);
  });

  it('refuses a patch of an unknown content type', async () => {
    await create(api.cluster, secret('strange'));
    const strange: ApiCall = { method: 'PATCH', path: secretPath('strange'), contentType: 'text/plain', body: {} };
    await assertRefused(api.cluster.request(strange), 415, 'UnsupportedMediaType', /Unsupported Media Type/);
  });

  it('refuses to change the name, namespace, uid or type of an object', async () => {
    await create(api.cluster, secret('fixed'));
    const change = (fields: object) => merge(api.cluster, secret('fixed'), fields);
    const name = /the name of the object \(other\) does not match the name on the URL \(fixed\)/;
    await assertRefused(change({ metadata: { name: 'other' } }), 400, 'BadRequest', name);
    await assertRefused(
      change({ metadata: { namespace: 'other' } }),
      400,
      'BadRequest',
      /does not match the namespace/,
    );
    await assertRefused(change({ metadata: { uid: 'other' } }), 422, 'Invalid', /metadata\.uid: .*immutable/);
    await assertRefused(change({ type: 'other' }), 422, 'Invalid', /type: Invalid value: "other": field is immutable/);
    const old = { ...secret('old'), metadata: { name: 'old', namespace, resourceVersion: '1' } };
    await assertRefused(
      create(api.cluster, old),
      500,
      '',
      /resourceVersion should not be set on objects to be created/,
    );
  });

  it('refuses to replace an object that has changed since it was read', async () => {
    const made = await create<V1Secret>(api.cluster, secret('raced'));
    const put = (body: object): ApiCall => ({ method: 'PUT', path: secretPath('raced'), body });
    const updated = await request<V1Secret>(api.cluster, put({ ...made, stringData: { a: '1' } }));
    assert.equal(updated.data?.a, 'MQ==');
    await assertRefused(
      api.cluster.request(put(made)),
      409,
      'Conflict',
      /Operation cannot be fulfilled on secrets "raced": the object has been modified/,
    );
  });

  it('lets only one of two candidates take a Lease', async () => {
    const lease = (holderIdentity: string, resourceVersion?: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'claim', namespace, resourceVersion },
      spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
    });
    const made = await create(api.cluster, lease('one'));
    await assertRefused(
      create(api.cluster, lease('two')),
      409,
      'AlreadyExists',
      /leases\.coordination\.k8s\.io "claim" already exists/,
    );
    const path = await pathOf(api.cluster, lease('one'));
    const version = made.metadata!.resourceVersion!;
    await api.cluster.request({ method: 'PUT', path, body: lease('two', version) });
    await assertRefused(
      api.cluster.request({ method: 'PUT', path, body: lease('three', version) }),
      409,
      'Conflict',
      /has been modified/,
    );
    await assertRefused(
      remove(api.cluster, lease('two'), { resourceVersion: version }),
      409,
      'Conflict',
      /does not match the ResourceVersion in record/,
    );
    await assertRefused(
      api.cluster.request({ method: 'PUT', path, body: lease('four') }),
      422,
      'Invalid',
      /metadata\.resourceVersion: .*must be specified for an update/,
    );
    const { spec } = lease('one');
    const imprecise = { ...lease('one'), spec: { ...spec, renewTime: '2026-01-01T00:00:00Z' } };
    await assertRefused(create(api.cluster, imprecise), 400, 'BadRequest', /parsing time "2026-01-01T00:00:00Z"/);
  });
});
