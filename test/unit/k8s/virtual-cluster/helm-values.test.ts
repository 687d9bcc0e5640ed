import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { readDemoConfig } from '../../../../src/config.js';
import { helmValues, mergeDeep } from '../../../../src/k8s/virtual-cluster/helm-values.js';
import { chartProblems, type ChartObject } from '../../../../scripts/chart-problems.js';

const values = (version: string, extra = {}, pullSecrets: string[] = [], hostDns = false) =>
  helmValues({ version, extraSans: ['a.example', 'b'], pullSecrets, hostDns, extra });

/** The value at a path such as `controlPlane.proxy`. */
const at = (object: unknown, path: string): unknown => path.split('.').reduce<any>((node, key) => node?.[key], object);
const startupProbe = 'controlPlane.statefulSet.probes.startupProbe';

describe('Helm values of a virtual cluster', () => {
  it('are flags of the syncer for charts up to 0.19', () => {
    const sans = ['--tls-san=a.example', '--tls-san=b'];
    for (const [version, extraArgs] of [
      ['v0.15.7', sans],
      ['0.19.9', [...sans, '--service-account-token-secrets=true']],
    ] as const)
      assert.deepEqual(values(version), {
        syncer: { extraArgs },
        isolation: { networkPolicy: { enabled: false } },
        telemetry: { disabled: 'true' },
      });
  });

  it('keep the tokens of pods in Secrets from 0.20 on', () => {
    for (const version of ['0.20.0', '0.34.0', 'v1.0.0'])
      assert.deepEqual(at(values(version), 'sync.toHost.pods'), { useSecretsForSATokens: true }, version);
  });

  it('let a controller manager that is alone start without the lock of the one before', () => {
    const args = 'controlPlane.distro.k8s.controllerManager.extraArgs';
    const replicas = (count: number) => ({ controlPlane: { statefulSet: { highAvailability: { replicas: count } } } });
    const isWithoutLock = (given: object) => (at(given, args) as string[]).includes('--leader-elect=false');
    assert.ok(isWithoutLock(values('0.20.0')));
    assert.ok(isWithoutLock(values('0.34.0', replicas(1))));
    assert.ok(!isWithoutLock(values('0.34.0', replicas(3))));
    assert.doesNotMatch(JSON.stringify(values('0.19.9')), /leader-elect/);
  });

  it('let the controller manager start its controllers at once, unless the configuration says otherwise', () => {
    const args = 'controlPlane.distro.k8s.controllerManager.extraArgs';
    const slower = { controlPlane: { distro: { k8s: { controllerManager: { extraArgs: ['--kube-api-qps=20'] } } } } };
    const given = at(values('0.20.0', slower), args) as string[];
    assert.deepEqual(given.slice(-3), ['--kube-api-qps=200', '--kube-api-burst=400', '--kube-api-qps=20']);
    assert.doesNotMatch(JSON.stringify(values('0.19.9')), /kube-api-qps/);
  });

  it("ask the host's DNS for outside names if the network allows no other", () => {
    assert.equal(at(values('0.15.7', {}, [], true), 'fallbackHostDns'), true);
    assert.equal(at(values('0.34.0', {}, [], true), 'networking.advanced.fallbackHostCluster'), true);
    for (const version of ['0.15.7', '0.34.0'])
      assert.doesNotMatch(JSON.stringify(values(version)), /fallbackHost/, version);
  });

  it('are values of the control plane from 0.20 on, including versions after 0.x', () => {
    for (const version of ['0.20.0', '0.25.3', '0.26.0', 'v0.34.0', '1.2.0']) {
      assert.deepEqual(at(values(version), 'controlPlane.proxy'), { extraSANs: ['a.example', 'b'] }, version);
      assert.deepEqual(at(values(version), 'rbac'), { clusterRole: { enabled: false } }, version);
      assert.equal(at(values(version), 'syncer'), undefined, version);
    }
  });

  it('set the startup probe only from 0.26 on, because older charts refuse it', () => {
    for (const version of ['0.15.7', '0.20.0', 'v0.24.1', '0.25.9'])
      assert.equal(at(values(version), startupProbe), undefined, version);
    for (const version of ['0.26.0', '0.37.1', '1.0.0'])
      assert.deepEqual(at(values(version), startupProbe), { periodSeconds: 1, failureThreshold: 600 }, version);
  });

  it('name the pull secrets where each chart format expects them, and nowhere if there are none', () => {
    const secrets = [{ name: 'registry' }];
    assert.deepEqual(at(values('0.19.0', {}, ['registry']), 'serviceAccount.imagePullSecrets'), secrets);
    const path = 'controlPlane.advanced.serviceAccount.imagePullSecrets';
    assert.deepEqual(at(values('0.20.0', {}, ['registry']), path), secrets);
    assert.equal(at(values('0.19.0'), 'serviceAccount'), undefined);
    assert.equal(at(values('0.34.0'), 'controlPlane.advanced'), undefined);
  });

  it('have the configuration merged over them', () => {
    const merged = values('0.34.0', { controlPlane: { proxy: { extraSANs: ['c'] } }, telemetry: { enabled: true } });
    assert.deepEqual(at(merged, 'controlPlane.proxy'), { extraSANs: ['a.example', 'b', 'c'] });
    assert.deepEqual(merged.telemetry, { enabled: true });
    assert.deepEqual(mergeDeep({ a: { b: 1 } }, { a: null as never }), { a: null });
  });

  it('render with the chart of LAB_VCLUSTER_CHART', async (test) => {
    const chart = process.env.LAB_VCLUSTER_CHART;
    if (!chart) return test.skip('LAB_VCLUSTER_CHART does not name a chart');
    const { stdout } = await execa('helm', ['template', 'vc1', chart, '--values', '-'], {
      input: stringify(values('0.34.0', {}, ['registry'])),
    });
    const objects = stdout.split(/^---$/m).map((text) => parse(text) as ChartObject | null);
    const rendered = objects.filter((object) => object !== null);
    const config = readDemoConfig(undefined);
    assert.deepEqual(chartProblems(rendered, { config, names: ['a.example', 'b'], pullSecrets: ['registry'] }), []);
    const [statefulSet] = rendered.filter(({ kind }) => kind === 'StatefulSet');
    assert.match(JSON.stringify(statefulSet), /"startupProbe":.*"failureThreshold":600/);
  });
});
