import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type V1Namespace, type V1Secret } from '@kubernetes/client-node';
import type { ApiCall } from '../../src/k8s/client/cluster.js';
import { list } from '../../src/k8s/client/lists.js';
import { read } from '../../src/k8s/client/objects.js';
import { assertRefused, describeContract } from '../support/contract.js';
import { create, request } from '../support/answers.js';

describeContract('creating, reading and listing objects', (api) => {
  const { namespace, secret, secretPath } = api;

  it('gives a new object its identity and encodes the strings of a Secret', async () => {
    const made = await create<V1Secret>(api.cluster, secret('made', { stringData: { key: 'value' } }));
    assert.equal(made.data?.key, Buffer.from('value').toString('base64'));
    assert.equal(made.type, 'Opaque');
    assert.ok(made.metadata?.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp);
    assert.deepEqual((await read<V1Secret>(api.cluster, secret('made')))?.metadata?.uid, made.metadata.uid);
  });

  it('refuses a new object whose name is taken, invalid or missing, or whose kind or namespace differs from the URL', async () => {
    await create(api.cluster, secret('twice'));
    await assertRefused(create(api.cluster, secret('twice')), 409, 'AlreadyExists', /secrets "twice" already exists/);
    await assertRefused(
      create(api.cluster, secret('Bad_Name')),
      422,
      'Invalid',
      /Secret "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
    );
    await assertRefused(
      create(api.cluster, secret('')),
      422,
      'Invalid',
      /Secret "" is invalid: metadata\.name: Required value: name or generateName is required/,
    );
    const post = (body: object): ApiCall => ({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/secrets`,
      body,
    });
    await assertRefused(
      api.cluster.request(post({ ...secret('x'), kind: 'ConfigMap' })),
      400,
      'BadRequest',
      /ConfigMap in version "v1" cannot be handled as a Secret/,
    );
    await assertRefused(
      api.cluster.request(post({ ...secret('x'), metadata: { name: 'x', namespace: 'other' } })),
      400,
      'BadRequest',
      /does not match the namespace/,
    );
  });

  it('refuses a new object in a namespace that does not exist', async () => {
    const lost = { ...secret('lost'), metadata: { name: 'lost', namespace: 'contract-none' } };
    await assertRefused(create(api.cluster, lost), 404, 'NotFound', /namespaces "contract-none" not found/);
    assert.deepEqual(await list(api.cluster, 'v1', 'Secret', { namespace: 'contract-none' }), []);
  });

  it('answers 404 for an object that does not exist', async () => {
    await assertRefused(
      api.cluster.request({ method: 'GET', path: secretPath('none') }),
      404,
      'NotFound',
      /secrets "none" not found/,
    );
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/none`;
    await assertRefused(
      api.cluster.request({ method: 'GET', path }),
      404,
      'NotFound',
      /deployments\.apps "none" not found/,
    );
  });

  it('creates nothing in a dry run, but refuses the same objects as otherwise', async () => {
    await create(api.cluster, secret('dry'), { dryRun: true });
    assert.equal(await read(api.cluster, secret('dry')), undefined);
    await create(api.cluster, secret('there'));
    await assertRefused(create(api.cluster, secret('there'), { dryRun: true }), 409, 'AlreadyExists', /already exists/);
  });

  it('extends generateName to a unique name', async () => {
    const { metadata } = await create(api.cluster, { ...secret(''), metadata: { generateName: 'some-', namespace } });
    assert.match(metadata!.name!, /^some-[a-z0-9]{5}$/);
  });

  it('lists objects by labels and fields', async () => {
    for (const [name, tier] of [
      ['a', 'front'],
      ['b', 'back'],
    ] as const)
      await create(api.cluster, {
        ...secret(`listed-${name}`),
        metadata: { name: `listed-${name}`, namespace, labels: { tier } },
      });
    const names = async (selection: object) =>
      (await list(api.cluster, 'v1', 'Secret', { namespace, ...selection })).map(({ metadata }) => metadata?.name);
    assert.deepEqual(await names({ labels: { tier: 'back' } }), ['listed-b']);
    assert.ok(
      !('kind' in (await list(api.cluster, 'v1', 'Secret', { namespace }))[0]!),
      'items of a list have no kind',
    );
    assert.deepEqual(await names({ fields: { 'metadata.name': 'listed-a' } }), ['listed-a']);
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const found = await request<{ items: V1Secret[] }>(api.cluster, {
      method: 'GET',
      path,
      query: { labelSelector: 'tier in (front, back),tier!=back' },
    });
    assert.deepEqual(
      found.items.map(({ metadata }) => metadata?.name),
      ['listed-a'],
    );
    await assertRefused(
      api.cluster.request({ method: 'GET', path, query: { labelSelector: 'a b' } }),
      400,
      'BadRequest',
      /unable to parse requirement/,
    );
    await assertRefused(
      list(api.cluster, 'v1', 'Secret', { namespace, fields: { 'metadata.labels': 'x' } }),
      400,
      'BadRequest',
      /field label not supported: metadata\.labels/,
    );
  });

  it('returns only the metadata of an object on request', async () => {
    const path = `/api/v1/namespaces/${namespace}`;
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json';
    const partial = await request<V1Namespace>(api.cluster, { method: 'GET', path, accept });
    assert.equal(partial.kind, 'PartialObjectMetadata');
    assert.equal(partial.metadata?.name, namespace);
    assert.equal(partial.status, undefined);
  });
});
