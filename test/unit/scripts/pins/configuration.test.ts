import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDemoConfig } from '../../../../src/config.js';
import { pinConfiguration } from '../../../../scripts/pins/configuration.js';
import { yamlFiles } from '../../../support/yaml-files.js';

const { directory, yaml } = yamlFiles();

test('images (including defaults), Istio and a chart get digests; comments and variables stay', async () => {
  const digestOf = (image: string) => `sha256:${createHash('sha256').update(image).digest('hex')}`;
  writeFileSync(join(directory, 'vcluster.tgz'), 'a chart');
  const path = yaml(`# ours
istio: { hub: registry.example.com/istio, tag: 1.31.0 }
vcluster: { chart: ./vcluster.tgz } # fetched by hand
images:
  sleep: registry.example.com/curl:8@sha256:${'0'.repeat(64)}
  client: \${CLIENT_IMAGE}
`);
  const pinned = await pinConfiguration(path, (image) => Promise.resolve(digestOf(image)), {
    CLIENT_IMAGE: 'client:1',
  });
  assert.match(pinned, /^# ours\n/);
  assert.match(pinned, /# fetched by hand/);
  assert.match(pinned, /client: \$\{CLIENT_IMAGE\}/);
  const config = readDemoConfig(yaml(pinned), { CLIENT_IMAGE: 'client:1' });
  const sleep = `registry.example.com/curl:8@sha256:${'0'.repeat(64)}`;
  assert.equal(config.images.sleep, `registry.example.com/curl:8@${digestOf(sleep)}`);
  assert.match(config.images.dashboard, /^docker\.io\/kubernetesui\/dashboard:v2\.7\.0@sha256:/);
  assert.deepEqual(config.istio.digests, {
    pilot: digestOf('registry.example.com/istio/pilot:1.31.0'),
    proxyv2: digestOf('registry.example.com/istio/proxyv2:1.31.0'),
  });
  assert.equal(config.vcluster.digest, digestOf('a chart'));
});
