import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { claimRules, clusterRules, demoRules, workerRules } from '../../../../src/k8s/permissions/permissions.js';

const config = readDemoConfig(undefined);

describe('the rules of a worker', () => {
  it('have no Secrets, pods or roles cluster-wide, and no wildcard', () => {
    const rules = clusterRules('demo-role');
    const resources = rules.flatMap((rule) => rule.resources);
    assert.deepEqual(resources, ['namespaces', 'persistentvolumes', 'storageclasses', 'rolebindings', 'clusterroles']);
    assert.equal(rules.find((rule) => rule.resources.includes('clusterroles'))!.name, 'demo-role');
    assert.ok(!JSON.stringify([rules, claimRules, workerRules(config)]).includes('*'));
  });

  it('include what the configuration enables', () => {
    const has = (resource: string, rules = demoRules(config)) =>
      rules.some((rule) => rule.resources.includes(resource) && rule.verbs.includes('patch'));
    assert.ok(has('ingressroutetcps'));
    assert.ok(!has('ingresses'));
    assert.ok(
      has(
        'ingresses',
        demoRules({
          ...config,
          helloworld: { ...config.helloworld, ingress: { enabled: true, annotations: {} } },
        }),
      ),
    );
    assert.ok(
      has(
        'tlsroutes',
        demoRules({
          ...config,
          exposure: { kind: 'gateway', gateway: { name: 'g', namespace: 'n' }, annotations: {}, proof: 'required' },
        }),
      ),
    );
    // OpenShift requires a separate permission to set the host of a Route.
    const ofRoutes = demoRules({ ...config, exposure: { kind: 'route', annotations: {}, proof: 'required' } });
    assert.ok(
      ofRoutes.some(({ resources, verbs }) => resources.includes('routes/custom-host') && verbs.includes('create')),
    );
  });
});
