import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoConfig } from '../../src/config/schema.js';
import type { Cluster } from '../../src/k8s/client/cluster.js';
import { missing, apply, applyAll, create } from '../../src/k8s/client/objects.js';
import { pullSecretCopies } from '../../src/k8s/virtual-cluster/pull-secrets.js';
import { vcClientManifests } from '../../src/k8s/virtual-cluster/vc-client.js';
import { plannedDemo } from '../support/planned-demo.js';
import { withSimulatedCluster } from '../support/simulated-cluster.js';

const demo = plannedDemo({ now: new Date() });
const [place] = demo.places;
const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };

describe('images.pullSecrets', () => {
  let host: Cluster;
  withSimulatedCluster(async (connected) => {
    host = connected;
    for (const name of ['vcdemo', 'shared', place!.namespace])
      await create(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });

  const configWith = (...pullSecrets: string[]) => demoConfig.parse({ images: { pullSecrets } });
  const copies = (...pullSecrets: string[]) =>
    pullSecretCopies({ host, config: configWith(...pullSecrets), claimNamespace: 'vcdemo', demo, place: place! });
  const keep = (name: string, namespace: string, type = 'kubernetes.io/dockerconfigjson', content: object = data) =>
    apply(host, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, data: content });

  it("are copied from the worker's own namespace or the named one", async () => {
    await keep('registry', 'vcdemo');
    await keep('mirror', 'shared');
    const made = await copies('registry', 'shared/mirror');
    assert.deepEqual(
      made.map(({ metadata, type }) => [metadata.namespace, metadata.name, type]),
      [
        ['demo-vc1', 'registry', 'kubernetes.io/dockerconfigjson'],
        ['demo-vc1', 'mirror', 'kubernetes.io/dockerconfigjson'],
      ],
    );
    assert.equal(made[0]!.metadata.labels?.['vcdemo.io/demo'], 'demo');
    await applyAll(host, made);
    assert.equal(await missing(host, await copies('registry', 'shared/mirror')), undefined);
  });

  it('are copied again when they change', async () => {
    await keep('changing', 'vcdemo');
    await applyAll(host, await copies('changing'));
    await keep('changing', 'vcdemo', undefined, {
      '.dockerconfigjson': Buffer.from('{"auths":{"a":{}}}').toString('base64'),
    });
    assert.equal(await missing(host, await copies('changing')), 'Secret changing is out of date');
  });

  it('are named, with the command that creates them, if they do not exist', async () => {
    await assert.rejects(copies('absent'), {
      code: 'pull-secret-missing',
      message: /Secret vcdemo\/absent, which does not exist/,
      hint: /kubectl -n vcdemo create secret docker-registry absent/,
    });
  });

  it('are refused if they contain something else', async () => {
    await keep('password', 'vcdemo', 'Opaque', { password: 'eA==' });
    await assert.rejects(copies('password'), { code: 'pull-secret-wrong', message: /is of type Opaque/ });
  });

  it('are also used by vc-client, and by nothing if there are none', () => {
    const podOf = (...pullSecrets: string[]) =>
      (
        vcClientManifests(demo, configWith(...pullSecrets)).at(-1)!.spec as {
          template: { spec: { imagePullSecrets?: object } };
        }
      ).template.spec;
    assert.deepEqual(podOf('registry', 'shared/mirror').imagePullSecrets, [{ name: 'registry' }, { name: 'mirror' }]);
    assert.ok(!('imagePullSecrets' in podOf()));
  });

  it('must have different names, because they are copied into one namespace', () => {
    assert.throws(() => configWith('registry', 'shared/registry'), /must have different names/);
  });

  it('must be names', () => {
    for (const name of ['', 'A', 'a/b/c', '/x', 'x/'])
      assert.ok(!demoConfig.safeParse({ images: { pullSecrets: [name] } }).success, name);
  });
});
