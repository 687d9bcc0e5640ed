import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type V1Namespace } from '@kubernetes/client-node';
import { merge, read, remove } from '../../src/k8s/client/objects.js';
import { ref } from '../../src/k8s/client/manifest.js';
import { assertRefused, describeContract } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';
import { create, request } from '../support/answers.js';

describeContract('deleting objects', (api) => {
  const { namespace, secret, secretPath } = api;

  it('deletes an object, but not one with another uid or one that does not exist', async () => {
    await create(api.cluster, secret('doomed'));
    await assertRefused(
      remove(api.cluster, secret('doomed'), { uid: 'another' }),
      409,
      'Conflict',
      /the UID in the precondition \(another\) does not match the UID in record/,
    );
    const gone = await request<{ status: string }>(api.cluster, { method: 'DELETE', path: secretPath('doomed') });
    assert.equal(gone.status, 'Success');
    await assertRefused(
      api.cluster.request({ method: 'DELETE', path: secretPath('doomed') }),
      404,
      'NotFound',
      /secrets "doomed" not found/,
    );
  });

  it('keeps a deleted object until its last finalizer is removed', async () => {
    const held = { ...secret('held'), metadata: { name: 'held', namespace, finalizers: ['example.com/hold'] } };
    await create(api.cluster, held);
    await remove(api.cluster, held);
    assert.ok((await read(api.cluster, held))?.metadata?.deletionTimestamp);
    await merge(api.cluster, held, { metadata: { finalizers: null } });
    assert.equal(await read(api.cluster, held), undefined);
  });

  it('deletes the objects that a deleted object owned', async () => {
    const owner = await create(api.cluster, secret('owner'));
    const { name, uid } = owner.metadata!;
    const owned = secret('owned');
    await create(api.cluster, {
      ...owned,
      metadata: {
        ...owned.metadata,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: name!, uid: uid! }],
      },
    });
    await remove(api.cluster, secret('owner'));
    await waitFor('the owned object to go', async () => (await read(api.cluster, owned)) === undefined);
    const orphan = {
      ...secret('orphan'),
      metadata: {
        name: 'orphan',
        namespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'none', uid: 'none' }],
      },
    };
    await create(api.cluster, orphan);
    await waitFor('what nobody owned to go', async () => (await read(api.cluster, orphan)) === undefined);
  });

  it('deletes a namespace with everything in it, and refuses new objects meanwhile', async () => {
    const name = `${namespace}-ends`;
    const space = ref('v1', 'Namespace', name);
    const held = (finalizers: string[]) => ({
      ...secret('held'),
      metadata: { name: 'held', namespace: name, finalizers },
    });
    await create(api.cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await create(api.cluster, held(['example.com/hold']));
    await remove(api.cluster, space);
    assert.equal((await read<V1Namespace>(api.cluster, space))?.status?.phase, 'Terminating');
    const late = { ...secret('late'), metadata: { name: 'late', namespace: name } };
    await assertRefused(
      create(api.cluster, late),
      403,
      'Forbidden',
      /secrets "late" is forbidden: unable to create new content in namespace .* because it is being terminated/,
    );
    const condition = await waitFor('what holds it', async () => {
      const { status } = (await read<V1Namespace>(api.cluster, space))!;
      return status?.conditions?.find(
        ({ type, status: is }) => type === 'NamespaceFinalizersRemaining' && is === 'True',
      );
    });
    assert.match(condition.message ?? '', /example\.com\/hold/);
    await merge(api.cluster, held([]), { metadata: { finalizers: null } });
    await waitFor('the namespace to go', async () => (await read(api.cluster, space)) === undefined);
  });
});
