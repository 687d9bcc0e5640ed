import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from '../../../../src/k8s/evidence/without-secrets.js';

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
