import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { readDemoConfig } from '../../../src/config.js';
import { countHits, helloworldManifests } from '../../../src/k8s/helloworld.js';

const config = readDemoConfig(undefined);

describe('counting who answered', () => {
  test('tells only so many different answers apart', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `Hello version: v${index}, instance: pod-${index}`);
    const { versions, instances } = countHits(lines.join('\n'), 100);
    assert.equal(Object.keys(versions).length, 21);
    assert.equal(versions.others, 80);
    assert.equal(instances.others, 80);
  });

  test('counts no more answers than requests were sent', () => {
    const { versions } = countHits('Hello version: v1, instance: a\n'.repeat(50), 12);
    assert.deepEqual(versions, { v1: 12 });
  });

  test('counts versions that are named like properties of every object', () => {
    const { versions } = countHits(
      'Hello version: constructor, instance: a\nHello version: __proto__, instance: a\n',
      2,
    );
    assert.deepEqual({ ...versions }, { constructor: 1, others: 1 });
  });
});

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

describe('hits', () => {
  const line = (version: string) => `Hello version: ${version}, instance: helloworld-${version}-abc`;

  it('are counted by version and instance, anything else is an error', () => {
    const hits = countHits([line('v1'), line('v2'), line('v1'), 'error: curl: (28) timed out', ''].join('\n'), 5);
    assert.deepEqual(hits.versions, { v1: 2, v2: 1 });
    assert.deepEqual(hits.instances, { 'helloworld-v1-abc': 2, 'helloworld-v2-abc': 1 });
    assert.deepEqual(hits.errors, { 'curl: (28) timed out': 1, 'no answer': 1 });
  });
});
