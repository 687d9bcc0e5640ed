import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiCall, Cluster } from '../../../../src/k8s/client/cluster.js';
import { logFile, readLogs } from '../../../../src/k8s/workloads/logs.js';

const podWith = (...containers: string[]) => ({
  items: [
    {
      metadata: { name: 'istiod-1', namespace: 'istio-system' },
      spec: { containers: containers.map((name) => ({ name })) },
      status: { containerStatuses: containers.map((name) => ({ name, restartCount: 2 })) },
    },
  ],
});

/** A cluster with one pod; `log` is what its containers write. */
function clusterWith(
  log: (call: ApiCall) => string,
  pods = podWith('discovery'),
): { cluster: Cluster; calls: ApiCall[] } {
  const calls: ApiCall[] = [];
  const request = (call: ApiCall): Promise<unknown> => {
    calls.push(call);
    if (call.path === '/api/v1')
      return Promise.resolve({ resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] });
    if (!call.path.endsWith('/log')) return Promise.resolve(pods);
    return Promise.resolve().then(() => log(call));
  };
  return { cluster: { name: 'vc1', discovered: new Map(), request } as unknown as Cluster, calls };
}

const source = { what: 'vc1, istiod', namespace: 'istio-system', labels: { app: 'istiod' } };

test('logs are read of every container, and of the one before its last restart', async () => {
  const { cluster, calls } = clusterWith(({ query }) => (query?.previous ? 'it crashed\n' : 'it runs\n'));
  assert.deepEqual(await readLogs(cluster, source), [
    { title: 'vc1, istiod, pod istiod-1, container discovery', text: 'it runs' },
    { title: 'vc1, istiod, pod istiod-1, container discovery, before its last restart', text: 'it crashed' },
  ]);
  for (const { query } of calls.filter(({ path }) => path.endsWith('/log')))
    assert.ok(Number(query?.tailLines) <= 400 && Number(query?.limitBytes) <= 500_000);
});

test('logs have no secrets, and of long ones the end', async () => {
  const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIK\n-----END EC PRIVATE KEY-----';
  const { cluster } = clusterWith(
    () => `${'a long line of a log\n'.repeat(10_000)}${key}\ntoken=abcdefghijklmnopqrstuv\nthe end\n`,
  );
  const [{ text } = { text: '' }] = await readLogs(cluster, source);
  assert.match(text, /^\[earlier lines left out\]\n[\s\S]*the end$/);
  assert.doesNotMatch(text, /MHcCAQEEIK|abcdefghijklmnopqrstuv/);
  assert.ok(text.length < 61_000);
});

test('of a pod with hundreds of containers a few logs are read, and it says so', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `c-${index}`);
  const { cluster, calls } = clusterWith(() => 'x\n', podWith(...names));
  const sections = await readLogs(cluster, source);
  assert.equal(calls.filter(({ path }) => path.endsWith('/log')).length, 16);
  assert.match(sections.at(-1)!.text, /292 more containers left out/);
});

test('a log that cannot be read says why', async () => {
  const { cluster } = clusterWith(() => {
    throw new Error('container is waiting to start');
  });
  assert.match((await readLogs(cluster, source))[0]!.text, /cannot be read: container is waiting to start/);
});

test('a file of logs is bounded, and says what is left out', () => {
  const text = logFile(
    Array.from({ length: 40 }, (_, index) => ({ title: `part ${index}`, text: 'x'.repeat(60_000) })),
  );
  assert.ok(text.length < 1_000_000);
  assert.match(text, /\[26 more sections were left out: name a part\]\n$/);
});
