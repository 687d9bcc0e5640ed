import assert from 'node:assert/strict';
import { it } from 'node:test';
import { stringify } from 'yaml';
import { manifestOf } from '../../src/k8s/mesh/istio.js';
import { apply, missing, remove } from '../../src/k8s/client/objects.js';
import { list } from '../../src/k8s/client/lists.js';
import type { Manifest } from '../../src/k8s/client/manifest.js';
import { describeContract } from '../support/contract.js';
import { waitFor } from '../support/wait-for.js';

describeContract('custom resources', (api) => {
  const { namespace } = api;

  it('serves a custom kind once its CRD is established', async () => {
    const group = `${namespace}.example.com`;
    const definition: Manifest = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Thing', plural: 'things', singular: 'thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    // As istioctl renders Istio's CRDs.
    const rendered = manifestOf(stringify(definition));
    await apply(api.cluster, rendered);
    assert.equal(await missing(api.cluster, [rendered]), undefined);
    try {
      const thing = {
        apiVersion: `${group}/v1`,
        kind: 'Thing',
        metadata: { name: 'one', namespace },
        spec: { size: 3 },
      };
      const made = await waitFor('the kind to be served', () => apply(api.cluster, thing).catch(() => undefined));
      assert.deepEqual((made as unknown as typeof thing).spec, { size: 3 });
      assert.equal((await list(api.cluster, `${group}/v1`, 'Thing', { namespace })).length, 1);
    } finally {
      await remove(api.cluster, definition);
    }
  });
});
