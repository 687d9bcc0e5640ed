import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { helloworldManifests } from '../../../src/k8s/helloworld.js';

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
});
