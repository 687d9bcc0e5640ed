import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { ref } from '../../../../src/k8s/client/manifest.js';
import { read } from '../../../../src/k8s/client/objects.js';
import { collectHostEvidence } from '../../../../src/k8s/evidence/evidence.js';
import { create, createNamespace } from '../../../support/answers.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';
import { waitFor } from '../../../support/wait-for.js';

describe('evidence of the host cluster', () => {
  let host: Cluster;
  withSimulatedCluster((connected) => (host = connected));

  it('has the logs of the control plane, and none of a tenant’s pod with a similar name', async () => {
    const namespace = 'demo-vc1';
    await createNamespace(host, { name: namespace });
    await waitFor('the default account', () => read(host, ref('v1', 'ServiceAccount', 'default', namespace)));
    for (const [name, labels] of [
      ['vc1-0', {}],
      ['vc1-a-x-default-x-vc1', { 'vcluster.loft.sh/managed-by': 'vc1' }],
    ] as const)
      await create(host, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels },
        spec: { containers: [{ name: 'syncer', image: 'a' }] },
      });
    const { signal } = new AbortController();
    const files = await collectHostEvidence(host, { name: 'vc1', namespace }, { signal });
    const logs = files.map(({ path }) => path).filter((path) => path.includes('/logs/'));
    assert.deepEqual(logs, ['host-vc1/logs/vc1-0-syncer.log']);
  });
});
