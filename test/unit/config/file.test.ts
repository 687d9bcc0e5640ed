import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readConfigFile, readSharedConfig } from '../../../src/config/file.js';
import { hours, minutes } from '../../../src/duration.js';
import { refusal } from '../../support/refusal.js';
import { yamlFiles } from '../../support/yaml-files.js';

const { directory, yaml } = yamlFiles();
const read = (text: string, env: NodeJS.ProcessEnv = {}, hostCluster?: string) =>
  readConfigFile(yaml(text), env, hostCluster);

describe('the configuration file', () => {
  test('may be empty', () => assert.deepEqual(read(''), readConfigFile(undefined, {})));

  test('keeps the defaults of keys that it does not mention', () => {
    const config = read('domain: d.example.org\nttl: {max: 1d}\n');
    assert.equal(config.domain, 'd.example.org');
    assert.equal(config.ttl.max, hours(24));
    assert.equal(config.ttl.default, hours(8));
  });

  test('is refused with its path and every problem', () => {
    const path = yaml('ttl: {max: soon}\nexposure: {kind: magic}\nnonsense: 1\n');
    const { code, message } = refusal(() => readConfigFile(path, {}));
    assert.equal(code, 'config-unreadable');
    for (const part of [path, 'ttl.max', 'exposure', 'nonsense']) assert.ok(message.includes(part), message);
  });

  test('is refused when it is not YAML, or not keys and values', () => {
    assert.match(refusal(() => read('a: [1')).message, /line 1/);
    assert.match(refusal(() => read('- a\n')).message, /expected keys and values/);
  });

  test('keeps the public chart repository when it sets another version of the chart', () =>
    assert.equal(read('vcluster: {version: 0.33.0}\n').vcluster.repository, 'https://charts.loft.sh'));

  test('finds a chart next to it', () => {
    const { chart } = read('vcluster: {chart: ./vcluster.tgz, version: 0.34.0}\n').vcluster;
    assert.equal(chart, join(directory, 'vcluster.tgz'));
  });

  test('accepts images with digests, and digests of the chart and of Istio in addition to their versions', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const config = read(
      `images: { sleep: 'docker.io/curlimages/curl:8.16.0@${digest}' }\n` +
        `vcluster: { chart: /charts/vcluster.tgz, digest: '${digest}' }\n` +
        `istio: { digests: { pilot: '${digest}', proxyv2: '${digest}' } }\n`,
    );
    assert.equal(config.images.sleep, `docker.io/curlimages/curl:8.16.0@${digest}`);
    assert.equal(config.vcluster.digest, digest);
    for (const [wrong, reason] of [
      [`istio: { tag: '1.30.0@${digest}' }\n`, /istio\.tag: .*istio\.digests/],
      ["istio: { digests: { pilot: 'sha256:0' } }\n", /istio\.digests\.pilot/],
      [`vcluster: { digest: '${digest}' }\n`, /vcluster\.digest: needs `chart` to be a \.tgz file/],
    ] as const)
      assert.match(refusal(() => read(wrong)).message, reason);
  });

  test('refuses lifetimes that are too short for a certificate', () => {
    const { message } = refusal(() => read('ttl: {default: 14m, max: 10m}\n'));
    assert.match(message, /ttl\.default: must be at least 15m/);
    assert.match(message, /ttl\.max: must be at least 15m/);
    assert.equal(read('ttl: {max: 15m}\n').ttl.max, minutes(15));
  });

  for (const address of ['edge.example.com:443', '192.0.2.1:8443', '[::1]:443', '[2001:db8::1]:8443'])
    test(`accepts ${address} as the address of the ingress controller`, () => {
      const { exposure } = read(`exposure: { kind: nginx, address: '${address}' }\n`);
      assert.equal(exposure.kind === 'nginx' && exposure.address, address);
    });

  for (const address of [
    'edge.example.com',
    '::1:443',
    '[::1]',
    '[edge]:443',
    'https://edge:443',
    'edge:0',
    'edge:99999',
    '999.0.2.1:443',
    '[:::]:443',
    '[fe80::1%eth0]:443',
  ])
    test(`refuses ${address} as the address of the ingress controller`, () =>
      assert.match(refusal(() => read(`exposure: { kind: nginx, address: '${address}' }\n`)).message, /host:port/));
});

describe('variables in the configuration file', () => {
  test('are read from the environment, except in comments', () => {
    const path = yaml('# ${UNSET}\ndomain: ${DOMAIN} # or ${UNSET}\n');
    assert.equal(readConfigFile(path, { DOMAIN: 'x.example.com' }).domain, 'x.example.com');
    assert.match(refusal(() => readConfigFile(path, {})).message, /uses DOMAIN, but the environment does not set it/);
  });

  test('do not appear with their values in the error about a file that is not YAML', () => {
    const { message } = refusal(() => read('domain: ${PASSWORD} ] : [\n', { PASSWORD: 'hunter2' }));
    assert.doesNotMatch(message, /hunter2/);
    assert.match(message, /\$\{PASSWORD\}/);
  });
});

describe('the file as the bot reads it', () => {
  const readShared = (text: string) => readSharedConfig(yaml(text), {});

  test('may use variables that only workers have', () => {
    const config = readShared(
      'vcluster: { chart: "${CHART}", values: { "${KEY}": 1 } }\nttl: { max: 1d }\nclusters: { eu: { domain: "${D}" } }\n',
    );
    assert.equal(config.ttl.max, hours(24));
    assert.deepEqual(config.clusters, ['eu']);
  });

  test('may be invalid in parts that only workers read', () =>
    assert.deepEqual(readShared('exposure: { kind: magic }\naccess: { users: [U0ALICE00] }\n').access.users, [
      'U0ALICE00',
    ]));

  test('is refused for variables, values and unknown keys that concern the bot', () => {
    assert.match(refusal(() => readShared('access: { users: ["${WHO}"] }\n')).message, /uses WHO/);
    assert.match(refusal(() => readShared('ttl: { max: soon }\n')).message, /ttl\.max/);
    assert.match(refusal(() => readShared('acces: { users: [U0ALICE00] }\n')).message, /acces/);
    assert.match(refusal(() => readShared('clusters: { "a:b": {} }\n')).message, /clusters/);
    assert.match(refusal(() => readShared('clusters: [eu]\n')).message, /clusters/);
  });
});

describe('several host clusters', () => {
  const text = `
domain: all.example.com
access: {admins: [U0ADMIN00]}
clusters:
  eu:
  us: {domain: us.example.com, exposure: {kind: nginx}}
`;
  test('differ in the keys that they set', () => {
    const [all, eu, us] = [undefined, 'eu', 'us'].map((name) => read(text, {}, name));
    assert.deepEqual(all!.clusters, ['eu', 'us']);
    assert.deepEqual([all!.domain, eu!.domain, us!.domain], ['all.example.com', 'all.example.com', 'us.example.com']);
    assert.deepEqual([eu!.exposure.kind, us!.exposure.kind], ['traefik', 'nginx']);
    assert.deepEqual([eu!.hostCluster, us!.hostCluster, all!.hostCluster], ['eu', 'us', undefined]);
    assert.deepEqual(us!.access.admins, ['U0ADMIN00']);
  });

  test('are refused with the place of each problem', () => {
    const { message } = refusal(() => read('clusters: {us: {exposure: {kind: magic}}, eu: {istio: {tag: 1}}}\n'));
    for (const part of ['clusters.us.exposure', 'clusters.eu.istio.tag']) assert.ok(message.includes(part), message);
  });

  test('share one set of permissions and lifetimes', () =>
    assert.match(refusal(() => read('clusters: {us: {access: {}}}\n')).message, /clusters\.us.*access/));

  test('have names that are valid for queues', () =>
    assert.match(refusal(() => read('clusters: {"a:b": {}}\n')).message, /clusters/));

  test('need only their own variables', () => {
    const two = 'domain: ${ALL}\nclusters: { eu: { domain: "${EU}" }, us: { domain: "${US}" } }\n';
    assert.equal(read(two, { EU: 'eu.example.com' }, 'eu').domain, 'eu.example.com');
    assert.match(refusal(() => read(two, { EU: 'eu.example.com' })).message, /uses ALL, US,/);
  });
});
