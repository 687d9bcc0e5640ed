import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConfig } from '../../../src/config/schema.js';

const isolationOf = (isolation: unknown) => demoConfig.parse({ isolation }).isolation;
const problemsOf = (isolation: unknown) =>
  demoConfig.safeParse({ isolation }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('isolation in the configuration', () => {
  it('confines a demo to its pair, with a quota and limits, by default', () => {
    const { network, quota, limits } = isolationOf({});
    assert.equal(network, 'pair');
    assert.notEqual(quota, 'off');
    assert.notEqual(limits, 'off');
  });

  it('merges amounts over the defaults, and null removes one', () => {
    const before = isolationOf({}).quota as Record<string, string>;
    const { quota } = isolationOf({ quota: { pods: 50, 'requests.cpu': null } });
    const { 'requests.cpu': removed, ...rest } = before;
    assert.ok(removed, 'there is one by default');
    assert.deepEqual(quota, { ...rest, pods: '50' });
  });

  it('refuses to turn limits off while the quota is on', () => {
    assert.match(problemsOf({ limits: 'off' }).join(), /isolation\.limits: may be off only if `quota` is off/);
    assert.deepEqual(problemsOf({ limits: 'off', quota: 'off' }), []);
  });

  it('refuses amounts, address blocks and namespaces that Kubernetes would refuse later', () => {
    assert.match(problemsOf({ quota: { pods: 'many' } }).join(), /expected a quantity|Invalid input/);
    const sizes = (memory: string) => demoConfig.safeParse({ sleep: { resources: { limits: { memory } } } }).success;
    for (const right of ['64Mi', '8192Ki', '0.5Gi', '1e9', '500m']) assert.ok(sizes(right), right);
    for (const wrong of ['64mi', '64KB', '1.2.3', '.', '-1']) assert.ok(!sizes(wrong), wrong);
    assert.match(problemsOf({ egress: { cidrs: ['10.0.0.0'] } }).join(), /expected an address block/);
    assert.match(problemsOf({ ingress: { namespaces: ['Not A Name'] } }).join(), /expected the name of a namespace/);
  });
});
