import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1LimitRange, V1PodSpec, V1ResourceQuota } from '@kubernetes/client-node';
import { readDemoConfig, type DemoConfig } from '../../../../src/config.js';
import { dashboardManifests } from '../../../../src/k8s/virtual-cluster/dashboard.js';
import { helloworldManifests } from '../../../../src/k8s/mesh/helloworld.js';
import { quotaManifests, retiredQuotas } from '../../../../src/k8s/isolation/quota.js';
import type { Manifest } from '../../../../src/k8s/client/manifest.js';
import { vcClientManifests } from '../../../../src/k8s/virtual-cluster/vc-client.js';
import { plannedDemo } from '../../../support/planned-demo.js';

const demo = plannedDemo();
const defaults = readDemoConfig(undefined).isolation;
const request = (isolation: Partial<DemoConfig['isolation']> = {}) => ({
  demo,
  place: demo.places[0]!,
  config: { isolation: { ...defaults, ...isolation } },
});

describe('the quota of a namespace', () => {
  it('comes after the LimitRange, without which it would keep out every pod without limits', () => {
    const kinds = quotaManifests(request()).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['LimitRange', 'ResourceQuota']);
  });

  it('has a default in the LimitRange for everything that it limits, except CPU', () => {
    const [limits, quota] = quotaManifests(request()) as unknown as [V1LimitRange, V1ResourceQuota];
    const [{ default: ofLimits = {}, defaultRequest = {} }] = limits.spec!.limits as [V1LimitRange['spec'] & never];
    for (const resource of Object.keys(quota.spec!.hard!)) {
      const [kind, name] = resource.split('.') as [string, string | undefined];
      if (kind === 'limits') assert.ok(name! in (ofLimits as object), `${resource} has a default`);
      if (kind === 'requests' && name !== 'storage') assert.ok(name! in (defaultRequest as object), resource);
    }
    assert.equal('limits.cpu' in quota.spec!.hard!, false);
    assert.equal('cpu' in (ofLimits as object), false, 'with a CPU limit a virtual cluster starts a third slower');
  });

  it('allows no LoadBalancer and no NodePort', () => {
    const [, quota] = quotaManifests(request()) as unknown as [unknown, V1ResourceQuota];
    assert.equal(quota.spec!.hard!['services.loadbalancers'], '0');
    assert.equal(quota.spec!.hard!['services.nodeports'], '0');
  });

  it('is removed if the configuration turns it off, before the LimitRange', () => {
    assert.deepEqual(quotaManifests(request({ quota: 'off', limits: 'off' })), []);
    assert.deepEqual(
      retiredQuotas(request({ quota: 'off', limits: 'off' })).map(({ kind }) => kind),
      ['ResourceQuota', 'LimitRange'],
    );
    assert.deepEqual(retiredQuotas(request()), []);
  });
});

describe('the default quota', () => {
  const { quota, limits } = defaults as {
    quota: Record<string, string>;
    limits: Record<'default' | 'defaultRequest', Record<string, string>>;
  };
  interface Resources {
    requests?: Record<string, string>;
    limits?: Record<string, string>;
  }
  const resourcesIn = (manifests: Manifest[]): Resources[] =>
    manifests.flatMap(({ spec }) => {
      const { containers = [] } = (spec as { template?: { spec: V1PodSpec } } | undefined)?.template?.spec ?? {};
      return containers.map((container) => container.resources as Resources);
    });

  /** What the charts of vcluster 0.34 and Istio request, with upstream's istiod and the source document's proxies. */
  const vcluster: Resources = {
    requests: { cpu: '200m', memory: '256Mi', 'ephemeral-storage': '1Gi' },
    limits: { memory: '4Gi', 'ephemeral-storage': '10Gi' },
  };
  const coreDns: Resources = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '170Mi' } };
  const istiod: Resources = { requests: { cpu: '500m', memory: '2Gi' } };
  const proxy: Resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } };
  const app = ['helloworld', 'gateway', 'sleep'].map(() => proxy);
  const config = readDemoConfig(undefined);
  const all = [
    ...[vcluster, coreDns, istiod, ...app],
    ...resourcesIn(helloworldManifests('vc1', config)),
    ...resourcesIn(dashboardManifests(config.images.dashboard)),
    ...resourcesIn(vcClientManifests(demo, config)),
  ];

  /** What a container counts towards the quota: its own value, or the LimitRange's default. */
  function amountOf(resources: Resources, kind: 'requests' | 'limits', name: string): number {
    const own = resources[kind]?.[name] ?? (kind === 'requests' ? resources.limits?.[name] : undefined);
    return toNumber(own ?? limits[kind === 'requests' ? 'defaultRequest' : 'default'][name]!);
  }

  for (const [resource, hard] of Object.entries(quota)) {
    const [, kind, name = ''] = /^(requests|limits)\.(cpu|memory|ephemeral-storage)$/.exec(resource) ?? [];
    if (kind === undefined) continue;
    it(`has ${resource} for everything in a demo twice over, and for an app`, () => {
      const asked = all.reduce((sum, resources) => sum + amountOf(resources, kind as 'requests', name), 0);
      const anApp = {
        cpu: 1,
        memory: toNumber(kind === 'limits' ? '4Gi' : '2Gi'),
        'ephemeral-storage': toNumber('2Gi'),
      };
      assert.ok(2 * asked + anApp[name as 'cpu'] <= toNumber(hard), `2 × ${asked} + an app, of ${toNumber(hard)}`);
    });
  }

  it('has a default limit that is not lower than what upstream’s istiod requests', () => {
    assert.ok(toNumber(limits.default.memory!) >= toNumber(istiod.requests!.memory!));
  });
});

/** A Kubernetes quantity as a number. */
function toNumber(quantity: string): number {
  const factors: Record<string, number> = { '': 1, m: 1e-3, Mi: 2 ** 20, Gi: 2 ** 30 };
  const [, digits, unit = ''] = /^([\d.]+)(\w*)$/.exec(quantity)!;
  return Number(digits) * factors[unit]!;
}
