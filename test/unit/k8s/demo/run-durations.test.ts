import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { apply } from '../../../../src/k8s/client/objects.js';
import { noteDurations, usualDurations } from '../../../../src/k8s/demo/run-durations.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';

describe('how long runs took', () => {
  let host: Cluster;
  withSimulatedCluster((cluster) => (host = cluster));

  const keep = (durations: string) =>
    apply(host, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'vcdemo.durations', namespace: 'default' },
      data: { durations },
    });
  beforeEach(() => keep('{}'));

  test('is not known before the first run of a flow', async () => {
    await noteDurations(host, 'create', { totalMs: 10, stepMs: {} });
    assert.equal(await usualDurations(host, 'delete'), undefined);
  });

  test('is the median of the last 15 runs, for each step too', async () => {
    await noteDurations(host, 'create', { totalMs: 9_000_000, stepMs: { istiod: 9_000_000 } });
    for (let run = 1; run <= 15; run++)
      await noteDurations(host, 'create', { totalMs: run * 100.4, stepMs: { istiod: run * 10 } });
    assert.deepEqual(await usualDurations(host, 'create'), { totalMs: 803, stepMs: { istiod: 80 } });
  });

  test('is kept for each flow, and without the steps that no longer exist', async () => {
    await noteDurations(host, 'create', { totalMs: 10, stepMs: { old: 1 } });
    await noteDurations(host, 'delete', { totalMs: 7, stepMs: {} });
    await noteDurations(host, 'create', { totalMs: 10, stepMs: { new: 2 } });
    assert.deepEqual(await usualDurations(host, 'create'), { totalMs: 10, stepMs: { new: 2 } });
    assert.deepEqual(await usualDurations(host, 'delete'), { totalMs: 7, stepMs: {} });
  });

  test('is kept although two workers note it at the same time', async () => {
    await Promise.all([1, 2].map((run) => noteDurations(host, `flow-${run}`, { totalMs: run, stepMs: {} })));
    assert.deepEqual(
      await Promise.all([1, 2].map(async (run) => (await usualDurations(host, `flow-${run}`))?.totalMs)),
      [1, 2],
    );
  });

  for (const broken of ['no JSON', '[]', '{"create":{"total":["x"],"steps":{}}}'])
    test(`counts as unknown if it reads ${broken}, and is written anew`, async () => {
      await keep(broken);
      assert.equal(await usualDurations(host, 'create'), undefined);
      await noteDurations(host, 'create', { totalMs: 5, stepMs: {} });
      assert.equal((await usualDurations(host, 'create'))?.totalMs, 5);
    });
});
