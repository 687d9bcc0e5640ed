import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1LimitRange, V1ResourceQuota } from '@kubernetes/client-node';
import { readDemoConfig, type DemoConfig } from '../../../../src/config.js';
import { planDemo } from '../../../../src/k8s/demo.js';
import { quotaManifests, retiredQuotas } from '../../../../src/k8s/isolation/quota.js';

const demo = planDemo({
  name: 'demo',
  owner: { id: 'U1', name: 'alice' },
  channel: 'C1',
  now: new Date('2026-01-01T00:00:00Z'),
  ttlMs: 3_600_000,
  claimNamespace: 'vcdemo',
});
const defaults = readDemoConfig(undefined).isolation;
const request = (isolation: Partial<DemoConfig['isolation']> = {}) => ({
  demo,
  place: demo.places[0]!,
  config: { isolation: { ...defaults, ...isolation } },
});

describe('the quota of a namespace', () => {
  it('comes after the LimitRange, without which it would keep every pod out that has no limits', () => {
    const kinds = quotaManifests(request()).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['LimitRange', 'ResourceQuota']);
  });

  it('has a default in the LimitRange for whatever it limits, except CPU', () => {
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

  it('lets no LoadBalancer and no NodePort through', () => {
    const [, quota] = quotaManifests(request()) as unknown as [unknown, V1ResourceQuota];
    assert.equal(quota.spec!.hard!['services.loadbalancers'], '0');
    assert.equal(quota.spec!.hard!['services.nodeports'], '0');
  });

  it('is removed where the configuration switches it off, and before the LimitRange', () => {
    assert.deepEqual(quotaManifests(request({ quota: 'off', limits: 'off' })), []);
    assert.deepEqual(
      retiredQuotas(request({ quota: 'off', limits: 'off' })).map(({ kind }) => kind),
      ['ResourceQuota', 'LimitRange'],
    );
    assert.deepEqual(retiredQuotas(request()), []);
  });
});
