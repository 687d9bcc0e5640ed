import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { demoConfig } from '../../../../src/config/schema.js';
import { helloworldManifests } from '../../../../src/k8s/mesh/helloworld.js';

const config = readDemoConfig(undefined);

describe('the manifests of helloworld', () => {
  it('have v1 in vc1 and v2 in vc2, in a namespace with injection', () => {
    for (const [cluster, version] of [
      ['vc1', 'v1'],
      ['vc2', 'v2'],
    ] as const) {
      const manifests = helloworldManifests(cluster, config);
      assert.equal(manifests[0]!.metadata.labels?.['istio-injection'], 'enabled');
      const names = manifests.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
      assert.deepEqual(names, [`helloworld-${version}`, 'sleep']);
    }
  });

  it('have the resources of the configuration in each container, as a quota of the host may require', () => {
    const helloworld = { requests: { cpu: '20m' }, limits: { memory: '64Mi' } };
    const sleep = { requests: { cpu: '5m' }, limits: { memory: '32Mi' } };
    const file = demoConfig.parse({ helloworld: { resources: helloworld }, sleep: { resources: sleep } });
    for (const cluster of ['vc1', 'vc2'] as const) {
      const deployments = helloworldManifests(cluster, file).filter(({ kind }) => kind === 'Deployment') as unknown as {
        spec: { template: { spec: { containers: { resources: object }[] } } };
      }[];
      assert.deepEqual(
        deployments.map(({ spec }) => spec.template.spec.containers.map((container) => container.resources)),
        [[helloworld], [sleep]],
      );
    }
  });
});
