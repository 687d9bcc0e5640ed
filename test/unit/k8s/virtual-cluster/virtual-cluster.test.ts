import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { readDemoConfig } from '../../../../src/config.js';
import { hours } from '../../../../src/duration.js';
import type { Cluster } from '../../../../src/k8s/client/cluster.js';
import { readLogs } from '../../../../src/k8s/workloads/logs.js';
import { read } from '../../../../src/k8s/client/objects.js';
import { ref } from '../../../../src/k8s/client/manifest.js';
import { podProblem, podsReady } from '../../../../src/k8s/workloads/pods.js';
import {
  controlPlanePod,
  installVirtualCluster,
  uninstallVirtualCluster,
} from '../../../../src/k8s/virtual-cluster/virtual-cluster.js';
import { create, createNamespace } from '../../../support/answers.js';
import { withExecutables } from '../../../support/executables.js';
import { plannedDemo } from '../../../support/planned-demo.js';
import { withSimulatedCluster } from '../../../support/simulated-cluster.js';
import { waitFor } from '../../../support/wait-for.js';

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('helm', () => {
  const executables = withExecutables({ helm: 'echo helm ran "$@" >&2\nexit 1' });

  async function install(digest: string): Promise<void> {
    const config = readDemoConfig(undefined);
    const demo = plannedDemo({ now: new Date(), ttlMs: hours(1) });
    const chart = join(executables.directory, 'vcluster.tgz');
    await writeFile(chart, 'a chart');
    const pinned = { ...config, vcluster: { ...config.vcluster, chart, digest } };
    const { signal } = new AbortController();
    await installVirtualCluster(pinned, demo, demo.places[0]!, { kubeconfig: undefined, signal });
  }

  it('installs a chart whose digest matches the configuration', () =>
    assert.rejects(install(digestOf('a chart')), /helm ran/));

  it('never sees a chart with another digest, which is refused', () =>
    assert.rejects(install(digestOf('another')), { code: 'chart-digest', message: new RegExp(digestOf('a chart')) }));

  it('uninstalls without the hooks of what is stored as the release', () => {
    const options = { config: readDemoConfig(undefined), kubeconfig: undefined, signal: new AbortController().signal };
    const uninstalled = uninstallVirtualCluster({ name: 'vc1', namespace: 'demo-vc1' }, options);
    return assert.rejects(uninstalled, /helm ran uninstall vc1 .*--no-hooks/);
  });
});

describe('the pod of a control plane', () => {
  const place = { name: 'vc1', namespace: 'pods' } as const;
  let host: Cluster;
  withSimulatedCluster((connected) => (host = connected));

  it('is never a tenant’s pod with the same labels, even if only that is ready', async () => {
    await createNamespace(host, { name: place.namespace });
    const pod = (name: string, labels: object = {}, spec: object = {}) =>
      create(host, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: place.namespace, labels: { app: 'vcluster', release: 'vc1', ...labels } },
        spec: { containers: [{ name: 'syncer', image: 'a' }], ...spec },
      });
    await pod('a-x-default-x-vc1', { 'vcluster.loft.sh/managed-by': 'vc1' });
    await waitFor('the tenant’s pod to be ready', async () => {
      const found = await read<V1Pod>(host, ref('v1', 'Pod', 'a-x-default-x-vc1', place.namespace));
      return found && podProblem(found) === undefined;
    });
    await assert.rejects(controlPlanePod(host, place), /has no pod yet/);
    const ready = await podsReady(host, place.namespace, { app: 'vcluster', release: 'vc1' }, 'vc1');
    assert.deepEqual(ready, { holds: false, seen: 'vc1 has no pods yet' });
    await pod('vc1-0');
    assert.equal(await controlPlanePod(host, place), 'vc1-0');
    const logs = await readLogs(host, { what: 'vc1', namespace: place.namespace, labels: { app: 'vcluster' } });
    assert.deepEqual(
      logs.map(({ title }) => title),
      ['vc1, pod vc1-0, container syncer'],
    );
  });
});
