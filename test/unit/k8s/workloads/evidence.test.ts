import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { collectHostEvidence, withoutSecrets } from '../../../../src/k8s/workloads/evidence.js';
import { create } from '../../../support/answers.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';

test('evidence has no annotations and no managed fields, at any depth', () => {
  const template = { metadata: { annotations: { a: 'b' }, labels: { app: 'x' } } };
  const pod = { metadata: { name: 'x', annotations: { 'vcluster.loft.sh/token-1': 'abc' }, managedFields: [1] } };
  assert.deepEqual(withoutSecrets({ ...pod, spec: { template } }), {
    metadata: { name: 'x' },
    spec: { template: { metadata: { labels: { app: 'x' } } } },
  });
});

test('evidence has no values of environment variables and fields whose names say that they are secret', () => {
  const env = [
    { name: 'DB_PASSWORD', value: 'hunter2' },
    { name: 'CLUSTER_ID', value: 'vc1' },
  ];
  assert.deepEqual(withoutSecrets({ env, token: 'short', secretName: 'cacerts', 'client-key-data': 'eA==' }), {
    env: [
      { name: 'DB_PASSWORD', value: '[removed]' },
      { name: 'CLUSTER_ID', value: 'vc1' },
    ],
    token: '[removed]',
    secretName: 'cacerts',
    'client-key-data': '[removed]',
  });
});

test('evidence has no keys and tokens inside of its texts', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----';
  assert.deepEqual(withoutSecrets({ args: [`--key=${pem}`, 'Bearer abcdefgh12345'] }), {
    args: ['--key=[PRIVATE KEY removed]', 'Bearer [removed]'],
  });
});

describe('evidence of the host cluster', () => {
  let host: Cluster;
  withSimulatedCluster((connected) => (host = connected));

  it('has the logs of the control plane, and none of a tenant’s pod with a similar name', async () => {
    const namespace = 'demo-vc1';
    await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
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
