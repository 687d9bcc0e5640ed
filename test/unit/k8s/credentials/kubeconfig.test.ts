import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { mergedKubeconfig } from '../../../../src/k8s/credentials/kubeconfig.js';

describe('a kubeconfig', () => {
  const entry = (name: string) => ({
    name,
    server: `https://${name}.example:443`,
    certificateAuthority: 'Y2E=',
    certificate: `cert of ${name}`,
  });

  it('can be merged with that of a demo of the same name in another host cluster', () => {
    const [eu, us] = ['eu', 'us'].map((hostCluster) => {
      const kubeConfig = new KubeConfig();
      const demo = { name: 'demo', hostCluster };
      kubeConfig.loadFromString(mergedKubeconfig({ demo, user: 'u-istio' }, 'the key', [entry('vc1'), entry('vc2')]));
      return kubeConfig;
    });
    for (const kind of ['clusters', 'users'] as const) {
      const names = [eu, us].flatMap((each) => each![kind].map(({ name }) => name));
      assert.equal(new Set(names).size, 4, names.join());
    }
    assert.deepEqual(
      us!.contexts.map(({ name, cluster }) => [name, cluster]),
      [
        ['vc1', 'demo-vc1@us'],
        ['vc2', 'demo-vc2@us'],
        ['demo-vc1', 'demo-vc1@us'],
        ['demo-vc2', 'demo-vc2@us'],
        ['demo-vc1@us', 'demo-vc1@us'],
        ['demo-vc2@us', 'demo-vc2@us'],
      ],
    );
  });

  it('has a context for each virtual cluster, all with the same key', () => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(
      mergedKubeconfig({ demo: { name: 'demo', hostCluster: undefined }, user: 'u-istio' }, 'the key', [
        entry('vc1'),
        entry('vc2'),
      ]),
    );
    assert.deepEqual(
      kubeConfig.contexts.map(({ name, user }) => [name, user]),
      [
        ['vc1', 'demo-vc1-u-istio'],
        ['vc2', 'demo-vc2-u-istio'],
        ['demo-vc1', 'demo-vc1-u-istio'],
        ['demo-vc2', 'demo-vc2-u-istio'],
      ],
    );
    const decoded = kubeConfig.users.map(({ certData, keyData }) =>
      [certData, keyData].map((data) => Buffer.from(data!, 'base64').toString()),
    );
    assert.deepEqual(decoded, [
      ['cert of vc1', 'the key'],
      ['cert of vc2', 'the key'],
    ]);
  });
});
