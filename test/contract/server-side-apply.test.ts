import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readDemoConfig } from '../../src/config.js';
import { networkPolicies } from '../../src/k8s/isolation/network.js';
import { quotaManifests } from '../../src/k8s/isolation/quota.js';
import { applyAll, merge, missingOrChanged, remove } from '../../src/k8s/client/objects.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { assertRefused, describeContract } from '../support/contract.js';
import { apply, request } from '../support/answers.js';
import { plannedDemo } from '../support/planned-demo.js';

describeContract('server-side apply', (api) => {
  const { namespace } = api;

  const config = (data: Record<string, string>): Manifest => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'applied', namespace },
    data,
  });
  const applyAs = (manager: string | undefined, data: Record<string, string>, force?: boolean) =>
    request<{ data?: object; metadata: { managedFields: { manager: string }[]; resourceVersion: string } }>(
      api.cluster,
      {
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/configmaps/applied`,
        query: { fieldManager: manager, force },
        contentType: 'application/apply-patch+yaml',
        body: config(data),
      },
    );

  it('creates an object, changes nothing when repeated, and removes fields that are no longer applied', async () => {
    const made = await applyAs('one', { a: '1', b: '2' });
    const again = await applyAs('one', { a: '1', b: '2' });
    assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
    assert.deepEqual((await applyAs('one', { a: '1' })).data, { a: '1' });
  });

  it('names the manager and field of a conflict, and hands the field over when forced', async () => {
    await assertRefused(
      applyAs('two', { a: '2' }),
      409,
      'Conflict',
      /Apply failed with 1 conflict: conflict with "one": \.data\.a/,
    );
    const forced = await applyAs('two', { a: '2' }, true);
    assert.deepEqual(forced.data, { a: '2' });
    assert.deepEqual(
      forced.metadata.managedFields.map(({ manager }) => manager),
      ['two'],
    );
    // The first manager no longer owns the field, so leaving it out does not remove it.
    assert.deepEqual((await applyAs('one', {})).data, { a: '2' });
  });

  it('reports a conflict with a field written by a merge patch', async () => {
    await merge(api.cluster, config({}), { data: { c: '3' } });
    await assertRefused(applyAs('two', { a: '2', c: '4' }), 409, 'Conflict', /conflict with "vcdemo".*: \.data\.c/);
  });

  it('notes who changed a field that was applied, until it is applied again', async () => {
    const demo = plannedDemo({ name: 'owned', now: new Date(), claimNamespace: namespace });
    const place = { name: 'vc1' as const, namespace };
    const isolation = readDemoConfig(undefined);
    const request = { demo: { ...demo, places: [place] }, place, config: isolation, workerNamespace: undefined };
    const policies = networkPolicies({ ...request, apiServer: [{ address: '10.96.0.1', port: 6443 }] });
    const manifests = [...policies, ...quotaManifests(request)];
    await applyAll(api.cluster, manifests);
    try {
      assert.equal(await missingOrChanged(api.cluster, manifests), undefined);
      for (const manifest of policies) {
        const { policyTypes } = manifest.spec as { policyTypes: string[] };
        const changes = { policyTypes: policyTypes.length === 2 ? ['Ingress'] : ['Ingress', 'Egress'] };
        await merge(api.cluster, manifest, { spec: changes });
        const changed = `NetworkPolicy ${manifest.metadata.name} was changed`;
        assert.equal(await missingOrChanged(api.cluster, [manifest]), changed);
        await apply(api.cluster, manifest);
        assert.equal(await missingOrChanged(api.cluster, [manifest]), undefined);
      }
    } finally {
      for (const manifest of manifests) await remove(api.cluster, manifest);
    }
  });

  it('refuses to apply without a field manager', () =>
    assertRefused(applyAs(undefined, {}), 422, 'Invalid', /fieldManager: Required value: is required for apply patch/));

  it('merges the containers of a pod template by name', async () => {
    const deployment = (image: string, ...more: object[]): Manifest => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'keyed', namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'keyed' } },
        template: {
          metadata: { labels: { app: 'keyed' } },
          spec: { containers: [{ name: 'main', image }, ...more] },
        },
      },
    });
    const containersOf = (object: unknown) =>
      (
        object as { spec: { template: { spec: { containers: { name: string; image: string }[] } } } }
      ).spec.template.spec.containers.map(({ name, image: of }) => `${name}=${of}`);
    const made = await apply(api.cluster, deployment('one', { name: 'second', image: 'two' }));
    assert.deepEqual(containersOf(made), ['main=one', 'second=two']);
    assert.equal(made.metadata?.generation, 1);
    const changed = await apply(api.cluster, deployment('three'));
    assert.deepEqual(containersOf(changed), ['main=three']);
    assert.equal(changed.metadata?.generation, 2);
  });
});
